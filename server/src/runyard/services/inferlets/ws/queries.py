"""What clients may ask about: a subject, a record within it, and a text for an answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from runyard.identity import Action, Principal
from runyard.jobs import State
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.limits import most
from runyard.services.inferlets.programs import Program, read_reference
from runyard.services.inferlets.words import KIND
from runyard.services.inferlets.ws.callers import tenants
from runyard.services.inferlets.ws.listing import describe
from runyard.services.inferlets.ws.room import Room
from runyard.text import model_name


async def answer_query(room: Room, principal: Principal, subject: str, record: str) -> str:
    """The answer to a query.

    Raises:
        Denied, ProgramError: the subject or the record isn't known here.
    """
    ask = _SUBJECTS.get(subject)
    if ask is None:
        raise Denied(f"There is no subject {subject!r:.80}; there are: {', '.join(_SUBJECTS)}.", code="unknown_subject")
    return await ask(room, principal, record)


async def _program_exists(room: Room, principal: Principal, record: str) -> str:
    """``name``, or ``name#<hash of the module>+<hash of the manifest>``."""
    name, hashes, rest = record.partition("#")
    digest, both, manifest = rest.partition("+")
    if hashes and not both:
        return "false"
    exists = await room.programs.exists(
        read_reference(name), tenants=tenants(principal), digest=digest or None, manifest=manifest or None
    )
    return "true" if exists else "false"


async def _programs(room: Room, principal: Principal, _record: str) -> str:
    return _json([_summary(one) for one in await room.programs.every(tenants=tenants(principal))])


async def _program(room: Room, principal: Principal, record: str) -> str:
    found = await room.programs.find(read_reference(record), tenants=tenants(principal))
    return _json(
        {**_summary(found), "manifest": found.manifest, "dependencies": list(found.dependencies),
         "imports": found.surface.imports, "exports": found.surface.exports}
    )  # fmt: skip


async def _instance(room: Room, principal: Principal, record: str) -> str:
    return _json(describe(room, await room.instance(principal, record, Action.READ)))


async def _limits(room: Room, _principal: Principal, _record: str) -> str:
    return _json(msgspec.to_builtins(most(room.yard.settings)))


async def _model_status(room: Room, _principal: Principal, _record: str) -> str:
    return _json(await _statistics(room))


async def _backend_stats(room: Room, _principal: Principal, _record: str) -> str:
    return "\n".join(f"{key:<40} | {value}" for key, value in sorted((await _statistics(room)).items()))


async def _statistics(room: Room) -> Mapping[str, str]:
    """Key and value, both texts, in the protocol's spelling. Counts are those of the whole yard."""
    rows = await room.yard.database.fetch(
        "SELECT state, count(*) AS jobs FROM jobs WHERE kind = $1 AND ended_at IS NULL GROUP BY state", KIND
    )
    counts = {str(row["state"]): int(row["jobs"]) for row in rows}
    name = model_name(room.yard.settings) or "none"
    return {
        f"{name}.model.name": name,
        f"{name}.instances.active_count": str(counts.get(State.RUNNING, 0)),
        f"{name}.instances.queued_count": str(counts.get(State.QUEUED, 0)),
    }


def _summary(program: Program) -> dict[str, object]:
    return {
        "name": str(program), "blake3": program.blake3, "size": program.size, "kind": program.surface.kind,
        "uploaded_at": program.created_at.isoformat(),
    }  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value)


_SUBJECTS: Final[Mapping[str, Callable[[Room, Principal, str], Awaitable[str]]]] = {
    "program_exists": _program_exists,
    "programs": _programs,
    "program": _program,
    "instance": _instance,
    "limits": _limits,
    "model_status": _model_status,
    "backend_stats": _backend_stats,
}
