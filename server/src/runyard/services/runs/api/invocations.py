"""Invocations over HTTP: for those who ask machines to do something, and for the machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Annotated, Final

import msgspec
from fastapi import Path, Response
from starlette.requests import ClientDisconnect

from runyard.database import Connection
from runyard.identity import InvalidCredential
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.heartbeats import require_self
from runyard.services.runs.api.machines import MachineId, require_reader
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import check_workspace
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine.wake import Waker
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import bells, enrolment, invocations, store
from runyard.services.runs.machines.invocation import LEASE, PING, Invocation
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.base import iso
from runyard.services.runs.models.machines import (
    ClaimAnswer,
    ClaimRequest,
    CreateMachineInvocationRequest,
    MachineInvocationListResponse,
    MachineInvocationV1,
    ReportRequest,
)
from runyard.services.runs.refused import forbidden, invalid
from runyard.services.runs.words import Act
from runyard.web.idempotency import idempotency_key
from runyard.web.sse import GOING_AWAY, HEARTBEAT, EventStream

PAGE: Final = 200
"""Events of an invocation that are read at once."""

LONGEST: Final = 3600.0
"""Seconds after which a watcher has to come back, with a token that is still good."""

routes = router("Machines")
InvocationId = Annotated[str, Path(alias="invocationId", min_length=1)]


@routes.post(
    "/machines/{machineId}/invocations", operation_id="createMachineInvocation", status_code=202,
    response_model=MachineInvocationV1, openapi_extra=asks(CreateMachineInvocationRequest),
)  # fmt: skip
async def create(visit: Entered, machine_id: MachineId) -> Response:
    """Ask a machine to do something."""
    visit.caller.require(Act.MACHINE_INVOKE)
    asked = await visit.body(CreateMachineInvocationRequest)
    check_workspace(visit, asked.workspace_id)
    if asked.machine_id not in {None, machine_id}:
        raise invalid("machineId", f"is {asked.machine_id!r}; the path says {machine_id!r}")
    if asked.action == PING:
        raise invalid("action", f"{PING!r} is for connection tests")
    settings = visit.room.yard.settings

    async def work(connection: Connection, book: Book) -> MachineInvocationV1:
        machine = await store.lock(connection, visit.caller.workspace, machine_id)
        await invocations.forget(connection, machine, before=book.now - timedelta(days=settings.event_retention_days))
        opened = await invocations.open(
            connection, book, machine, id=asked.invocation_id, operation=asked.action, input=asked.input,
            within=timedelta(seconds=asked.timeout_seconds), asked_by=visit.caller.user_id, actor=visit.caller.actor,
            correlation_id=visit.caller.correlation_id,
        )  # fmt: skip
        return opened.shown()

    return await command(
        visit, "CreateMachineInvocation", asked, work, status=202,
        location=lambda made: f"machines/{machine_id}/invocations/{made.invocation_id}",
    )  # fmt: skip


@routes.get(
    "/machines/{machineId}/invocations", operation_id="listMachineInvocations",
    response_model=MachineInvocationListResponse,
)  # fmt: skip
async def list_invocations(visit: Entered, machine_id: MachineId, page: Paged) -> Response:
    """What a machine was asked to do, the oldest first."""
    require_reader(visit, machine_id)
    database = visit.room.yard.database
    machine = await store.find(database, visit.caller.workspace, machine_id)
    found = await invocations.page(database, machine.workspace, machine.id, after=page.after, rows=page.rows)
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [(await _now(visit, one)).shown() for one in kept]
    return await look(visit, MachineInvocationListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.get(
    "/machines/{machineId}/invocations/{invocationId}", operation_id="getMachineInvocation",
    response_model=MachineInvocationV1,
)  # fmt: skip
async def get(visit: Entered, machine_id: MachineId, invocation_id: InvocationId) -> Response:
    """How an invocation stands."""
    require_reader(visit, machine_id)
    return await look(visit, (await _find(visit, machine_id, invocation_id)).shown())


@routes.post(
    "/machines/{machineId}/invocations/{invocationId}/cancel", operation_id="cancelMachineInvocation",
    response_model=MachineInvocationV1,
)  # fmt: skip
async def cancel(visit: Entered, machine_id: MachineId, invocation_id: InvocationId) -> Response:
    """Say that nobody wants it any more. One that has ended stays as it is."""
    visit.caller.require(Act.MACHINE_INVOKE)

    async def work(connection: Connection, book: Book) -> MachineInvocationV1:
        found = await invocations.lock(connection, visit.caller.workspace, invocation_id, machine=machine_id)
        if not found.status.ended:
            found = await invocations.cancel(
                connection, book, found, actor=visit.caller.actor, reason="It was cancelled."
            )
            await _wake(visit, connection, found)
        return found.shown()

    return await command(visit, "CancelMachineInvocation", None, work)


@routes.get(
    "/machines/{machineId}/invocations/{invocationId}/stream", operation_id="streamMachineInvocation",
    response_class=EventStream,
)  # fmt: skip
async def stream(visit: Entered, machine_id: MachineId, invocation_id: InvocationId) -> Response:
    """What happens to an invocation, as it happens, up to its end."""
    require_reader(visit, machine_id)
    last = visit.request.headers.get("last-event-id", "0")
    if not last.isdecimal() or len(last) > 9:
        raise invalid("Last-Event-ID", f"{last[:50]!r} is no number of an event of this invocation")
    return EventStream(_stream(visit, await _find(visit, machine_id, invocation_id), after=int(last)))


async def _stream(visit: Visit, invocation: Invocation, *, after: int) -> AsyncGenerator[bytes]:
    yard, loop = visit.room.yard, asyncio.get_running_loop()
    until = loop.time() + LONGEST
    async with bells.listening(yard.signals, invocation.workspace, invocation.machine_id, invocation.id) as rung:
        while True:
            rung.clear()
            invocation = await _now(visit, await invocations.find(yard.database, invocation.workspace, invocation.id))
            happened = await invocations.events(yard.database, invocation, after=after, rows=PAGE)
            again = await visit.still()
            if again is None or not _may_read(again, invocation.machine_id):
                yield GOING_AWAY
                return
            for seq, at, kind, body in happened:
                after = seq
                data = msgspec.json.encode({"at": iso(at), **body})
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (seq, kind.encode(), data)
            if happened:
                continue
            if invocation.status.ended:
                return
            if yard.tails.closing.is_set() or loop.time() > until:
                yield GOING_AWAY
                return
            patience = yard.settings.stream_heartbeat * 0.9
            if invocation.ends_by is not None:
                patience = min(patience, max(0.05, (invocation.ends_by - yard.clock()).total_seconds()))
            if not await _rung(rung, yard.tails.closing, patience):
                yield HEARTBEAT


# -------------------------------------------------------------------- the machine's side


@routes.post(
    "/machines/{machineId}/invocations:claim", operation_id="claimMachineInvocations", response_model=ClaimAnswer,
    openapi_extra=asks(ClaimRequest),
)  # fmt: skip
async def claim(visit: Entered, machine_id: MachineId) -> Response:
    """Wait for work. For the machine itself: what it holds stays its own, and what it doesn't is handed to it."""
    _require_machine(visit, machine_id)
    asked = await visit.body(ClaimRequest)
    yard = visit.room.yard
    loop = asyncio.get_running_loop()
    ends = loop.time() + asked.wait_seconds
    async with AsyncExitStack() as stack:
        rung = await stack.enter_async_context(bells.listening(yard.signals, visit.caller.workspace, machine_id))
        while True:
            rung.clear()
            answer = await _claim(visit, machine_id, asked)
            left = ends - loop.time()
            if answer.invocations or answer.stop or left <= 0 or yard.tails.closing.is_set():
                return await look(visit, answer, etag=False)
            await _rung(rung, yard.tails.closing, left)
            if await visit.request.is_disconnected():  # what it would be handed, nobody would do
                raise ClientDisconnect
            if await visit.still() is None:
                raise InvalidCredential("revoked")


async def _claim(visit: Visit, machine_id: str, asked: ClaimRequest) -> ClaimAnswer:
    yard, workspace = visit.room.yard, visit.caller.workspace
    machine = await store.find(yard.database, workspace, machine_id)
    if asked.operations is not None and enrolment.gained(machine, asked.operations):
        machine = await yard.database.transaction(lambda connection: _suspect(visit, connection, machine_id, asked))

    async def work(connection: Connection) -> tuple[list[Invocation], list[str]]:
        now = yard.clock()
        await store.hear(connection, machine, at=now, said=None)
        return await invocations.claim(connection, machine, holding=asked.holding, free=asked.free, now=now)

    handed, stop = await yard.database.transaction(work)
    return ClaimAnswer(
        invocations=[one.handed() for one in handed],
        stop=stop,
        standing=machine.standing,
        lease_seconds=int(LEASE.total_seconds()),
    )


async def _suspect(visit: Visit, connection: Connection, machine_id: str, asked: ClaimRequest) -> Machine:
    book = await visit.room.ledger.open(connection, visit.caller.workspace)
    machine = await store.lock(connection, visit.caller.workspace, machine_id)
    if enrolment.gained(machine, asked.operations or ()):
        machine = await enrolment.suspect(
            connection, book, machine, asked.operations or (), correlation_id=visit.caller.correlation_id
        )
    await book.close()
    return machine


@routes.post(
    "/machines/{machineId}/invocations/{invocationId}/report", operation_id="reportMachineInvocation",
    response_model=MachineInvocationV1, openapi_extra=asks(ReportRequest),
)  # fmt: skip
async def report(visit: Entered, machine_id: MachineId, invocation_id: InvocationId) -> Response:
    """Say how an invocation goes on. For the machine itself; saying the same end twice changes nothing."""
    _require_machine(visit, machine_id)
    asked = await visit.body(ReportRequest)
    _check(asked)
    if asked.status is None and idempotency_key(visit.request) is None:
        heard = await visit.room.yard.database.transaction(
            lambda connection: _heard(visit, connection, machine_id, invocation_id, asked)
        )
        if heard is not None:
            return await look(visit, heard.shown(), etag=False)

    async def work(connection: Connection, book: Book) -> MachineInvocationV1:
        found = await invocations.lock(connection, visit.caller.workspace, invocation_id, machine=machine_id)
        return (await _reported(visit, connection, book, found, asked)).shown()

    return await command(visit, "ReportMachineInvocation", asked, work)


async def _heard(
    visit: Visit, connection: Connection, machine_id: str, invocation_id: str, asked: ReportRequest
) -> Invocation | None:
    """The invocation after what its machine says on the way; None if its time is over.

    Such words are many: none of them is remembered, and the workspace's book stays closed.
    """
    now = visit.room.yard.clock()
    found = await invocations.lock(connection, visit.caller.workspace, invocation_id, machine=machine_id)
    if found.lapsed(now) is not None:
        return None
    invocations.check_delivery(found, asked.delivery)
    await invocations.say(connection, found, log=asked.log, progress=asked.progress, at=now)
    return found


async def _reported(
    visit: Visit, connection: Connection, book: Book, found: Invocation, asked: ReportRequest
) -> Invocation:
    if found.status.ended and found.delivery == asked.delivery and _same_end(found, asked):
        return found
    settled = await invocations.settle(connection, book, found)
    if settled.status.ended and not found.status.ended:  # just now: what the machine says comes too late
        await _wake(visit, connection, settled)
        return settled
    invocations.check_delivery(found, asked.delivery)
    if asked.status == "running":
        found = await invocations.begin(connection, book, found, delivery=asked.delivery)
        await _wake(visit, connection, found)  # from now on silence is an end, which the run has to watch for
    if asked.log is not None or asked.progress is not None:
        await invocations.say(connection, found, log=asked.log, progress=asked.progress, at=book.now)
    if asked.status in {"completed", "failed"}:
        found = await invocations.end(
            connection, book, found, actor=visit.caller.actor, output=asked.output, error=asked.error
        )
        await _wake(visit, connection, found)
    return found


def _check(asked: ReportRequest) -> None:
    if (asked.status == "failed") is not (asked.error is not None):
        raise invalid("error", "goes with the status failed, and with no other")
    if (asked.status == "completed") is not (asked.output is not None):
        raise invalid("output", "goes with the status completed, and with no other; {} if there is nothing to say")


def _same_end(found: Invocation, asked: ReportRequest) -> bool:
    return asked.status == found.status and asked.output == found.output and asked.error == found.error


# -------------------------------------------------------------------- below


def _require_machine(visit: Visit, machine_id: str) -> None:
    if visit.caller.machine_id is None:
        raise forbidden("Only the machine itself may do this. Enrol it, and use its own credential.")
    require_self(visit, machine_id)


def _may_read(caller: Caller, machine_id: str) -> bool:
    return caller.machine_id == machine_id or caller.may(Act.READ)


async def _find(visit: Visit, machine_id: str, invocation_id: str) -> Invocation:
    database, workspace = visit.room.yard.database, visit.caller.workspace
    return await _now(visit, await invocations.find(database, workspace, invocation_id, machine=machine_id))


async def _now(visit: Visit, invocation: Invocation) -> Invocation:
    """The invocation; if its time is over, after it has ended for that."""
    if invocation.lapsed(visit.room.yard.clock()) is None:
        return invocation

    async def work(connection: Connection) -> Invocation:
        book = await visit.room.ledger.open(connection, invocation.workspace)
        found = await invocations.lock(connection, invocation.workspace, invocation.id)
        settled = await invocations.settle(connection, book, found)
        if settled.status.ended and not found.status.ended:
            await _wake(visit, connection, settled)
        await book.close()
        return settled

    return await visit.room.yard.database.transaction(work)


async def _wake(visit: Visit, connection: Connection, invocation: Invocation) -> None:
    if invocation.run_id is not None:
        await Waker(visit.room.yard.jobs)(connection, invocation.run_id)


async def _rung(rung: asyncio.Event, closing: asyncio.Event, seconds: float) -> bool:
    """Wait for news, at most so long; False if there is none."""
    waits = [asyncio.create_task(event.wait()) for event in (rung, closing)]
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return bool(done)
