"""What can be done with instances: launch, talk to, end them, and read what they say. For protocol adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast
from uuid import UUID

import msgspec
from blake3 import blake3

from runyard.artifacts import Blob
from runyard.jobs import LOG, REPLY, Event, Job, NewJob, State
from runyard.services.inferlets.executor import Order
from runyard.services.inferlets.frames import Stream
from runyard.services.inferlets.limits import Limits
from runyard.services.inferlets.programs import Program
from runyard.services.inferlets.words import BLOB, BLOBS_IN, KIND, PROGRAM, SIGNALLED, STDERR, Reason
from runyard.yard import Yard


async def launch(
    yard: Yard,
    program: Program,
    *,
    owner: UUID,
    tenant: str,
    user: str,
    arguments: Sequence[str],
    limits: Limits,
    idempotency_key: str | None = None,
) -> Job:
    """Queue an instance; its id is the job's.

    Raises:
        IdempotencyReused: the key was used for another launch.
    """
    new = instance_of(program, owner=owner, tenant=tenant, user=user, arguments=arguments, limits=limits)
    return await yard.jobs.submit(replace(new, idempotency_key=idempotency_key))


def instance_of(
    program: Program, *, owner: UUID, tenant: str, user: str, arguments: Sequence[str], limits: Limits
) -> NewJob:
    """The job of an instance."""
    order = Order(
        program=str(program), blake3=program.blake3, sha256=program.digest, kind=program.surface.kind,
        arguments=list(arguments), limits=limits, user=user,
    )  # fmt: skip
    params = cast("Mapping[str, object]", msgspec.to_builtins(order))
    return NewJob(
        kind=KIND, owner=owner, tenant=tenant, params=params, fingerprint=blake3(msgspec.json.encode(order)).digest(),
        artifacts={PROGRAM: (program.digest, "application/wasm")},
    )  # fmt: skip


async def send_text(yard: Yard, instance: UUID, text: str) -> int:
    """Send a message; returns the number of its event.

    Raises:
        JobNotFound, JobEnded: there is nobody to send to.
    """
    return await yard.jobs.send(instance, {"type": "text", "text": text})


async def send_blob(yard: Yard, instance: UUID, blob: Blob, digest: str) -> int:
    """Send a stored blob, whose BLAKE3 is ``digest``; returns the number of its event.

    Raises:
        JobNotFound, JobEnded: there is nobody to send to.
    """
    await yard.jobs.get(instance)
    name = f"{BLOBS_IN}{digest}"
    await yard.artifacts.attach(instance, name, blob.digest, content_type="application/octet-stream")
    return await yard.jobs.send(instance, {"type": "blob", "name": name, "sha256": blob.digest, "size": blob.size})


async def terminate(yard: Yard, instance: UUID, *, grace: float | None = None) -> Job:
    """Tell the program to end, and end it after ``grace`` seconds.

    Raises:
        JobNotFound, JobEnded: there is nothing to end.
    """
    if grace is not None:
        await yard.jobs.send(instance, {"type": "stop", "grace": grace})
    return await yard.jobs.cancel(instance)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the program."""

    text: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Output. That of standard output comes in bytes, cut between characters."""

    stream: Stream
    content: bytes


@dataclass(frozen=True, slots=True)
class Gave:
    """A blob of the program: file ``name`` of the job, stored under ``sha256``."""

    name: str
    size: int
    sha256: str
    blake3: str


Utterance: TypeAlias = Said | Printed | Gave


def read_event(event: Event) -> Utterance | None:
    """What the program says with an event; None if it isn't the program that speaks."""
    if event.type == LOG:
        return Printed("stdout", event.body)
    if event.type == REPLY:
        return Said(str(event.data["text"]))
    if event.type == STDERR:
        return Printed("stderr", str(event.data["text"]).encode())
    if event.type == BLOB:
        return msgspec.convert(event.data, Gave)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an instance ended. ``text`` is the value it returned, or what went wrong."""

    reason: Reason
    text: str
    code: int | None = None
    limit: str | None = None


def ending(job: Job) -> Ending | None:
    """How an instance ended; None if it hasn't."""
    found = job.result or {}
    code, limit = cast("int | None", found.get("code")), cast("str | None", found.get("limit"))
    match job.state:
        case State.SUCCEEDED:
            return Ending(reason="completed", text=str(found.get("value", "")), code=code)
        case State.CANCELLED:
            return Ending(reason="aborted", text=SIGNALLED)
        case State.FAILED:
            message = "" if job.error is None else str(job.error["message"])
            if job.error_code in {"exception", "out_of_resources"}:
                return Ending(reason=cast("Reason", job.error_code), text=message, code=code, limit=limit)
            return Ending(reason="server_error", text=message)
        case _:
            return None
