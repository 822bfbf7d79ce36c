"""Instances as the protocol lists them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from runyard.identity import Principal
from runyard.jobs import Job, State
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.executor import Order
from runyard.services.inferlets.instances import ending
from runyard.services.inferlets.words import KIND
from runyard.services.inferlets.ws.answers import EXITS
from runyard.services.inferlets.ws.room import Room

PAGE: Final = 50
"""Instances an original client is told of at most."""

Record = Mapping[str, object]

_LIVE: Final = tuple(state for state in State if not state.ended)
_ENDED: Final = tuple(state for state in State if state.ended)


async def list_for_originals(room: Room, principal: Principal) -> list[Record]:
    """What runs, and what ended without anybody being told, the newest first."""
    owner = _owner(principal)
    live = await room.yard.jobs.list(kinds=[KIND], owner=owner, states=_LIVE, limit=PAGE)
    ended = await room.yard.jobs.list(kinds=[KIND], owner=owner, states=_ENDED, limit=4 * PAGE)
    told = await room.cursors.over([job.id for job in ended])
    jobs = sorted((*live, *(job for job in ended if job.id not in told)), key=lambda job: job.created_at, reverse=True)
    return [_record(room, job) for job in jobs[:PAGE]]


async def list_page(
    room: Room, principal: Principal, *, limit: int, cursor: str | None
) -> tuple[list[Record], str | None]:
    """A page of all instances, the newest first, and where the next begins.

    Raises:
        Denied: the cursor is none.
    """
    before = None if cursor is None else _read_cursor(cursor)
    jobs = await room.yard.jobs.list(kinds=[KIND], owner=_owner(principal), before=before, limit=limit + 1)
    page = jobs[:limit]
    further = _write_cursor(page[-1]) if len(jobs) > limit else None
    return [{**_record(room, job), **_extras(job)} for job in page], further


def status(room: Room, job: Job) -> Literal["Attached", "Detached", "Finished"]:
    """The protocol's word for how an instance stands."""
    if job.state.ended:
        return "Finished"
    return "Attached" if job.id in room.watched else "Detached"


def describe(room: Room, job: Job) -> dict[str, object]:
    """Everything there is to tell of an instance, in plain data."""
    order = msgspec.convert(job.params, Order)
    return {
        **_record(room, job), **_extras(job), "state": str(job.state), "attempt": job.attempt,
        "events": job.last_seq, "output_bytes": job.log_bytes, "limits": msgspec.to_builtins(order.limits),
        "started_at": None if job.started_at is None else job.started_at.isoformat(),
    }  # fmt: skip


def _owner(principal: Principal) -> UUID | None:
    """Whose instances somebody sees: the yard itself sees all."""
    return None if principal.credential.kind == "operator" else principal.user_id


def _record(room: Room, job: Job) -> dict[str, object]:
    order = msgspec.convert(job.params, Order)
    elapsed = room.yard.clock() - job.created_at
    return {
        "id": str(job.id), "arguments": order.arguments, "status": status(room, job), "username": order.user,
        "elapsed_secs": max(0, int(elapsed.total_seconds())), "kv_pages_used": 0,
    }  # fmt: skip


def _extras(job: Job) -> dict[str, object]:
    order = msgspec.convert(job.params, Order)
    result = job.result or {}
    found = ending(job)
    exit_ = None
    if found is not None:
        code = EXITS[found.reason] if found.code is None else found.code
        exit_ = {"code": code, "reason": found.reason, "limit": found.limit}
    return {
        "program": order.program, "exit": exit_, "created_at": job.created_at.isoformat(),
        "ended_at": None if job.ended_at is None else job.ended_at.isoformat(),
        "memory": result.get("memory"), "fuel": result.get("fuel"),
    }  # fmt: skip


def _write_cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at.isoformat()} {job.id}".encode()).decode()


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        at, _, job = base64.urlsafe_b64decode(text).decode().partition(" ")
        return datetime.fromisoformat(at), UUID(job)
    except (ValueError, binascii.Error):
        raise Denied(f"{text!r:.80} is no cursor of an earlier answer.", code="bad_message") from None
