"""Machines over HTTP: registered, shown, tested, trusted or not."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, ground, read, router
from runyard.services.runs.api.heartbeats import heard, require_self, said
from runyard.services.runs.api.limits import count
from runyard.services.runs.api.marks import correlation_of
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import check_workspace, tell
from runyard.services.runs.engine.wake import Waker
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import bells, enrolment, invocations, store
from runyard.services.runs.machines.invocation import PING, Invocation
from runyard.services.runs.machines.machine import HEARTBEAT, Machine
from runyard.services.runs.machines.ping import ping
from runyard.services.runs.models.base import Answer
from runyard.services.runs.models.machines import (
    ConnectionTestResult,
    EnrolledMachine,
    EnrolmentToken,
    EnrolRequest,
    HeartbeatRequest,
    InvocationStatus,
    MachineHeartbeat,
    MachineListResponse,
    MachineV1,
    QuarantineRequest,
    RegisterMachineRequest,
    Standing,
    UpdateMachineRequest,
)
from runyard.services.runs.refused import forbidden, invalid
from runyard.services.runs.words import Act

routes = router("Machines")
MachineId = Annotated[str, Path(alias="machineId", min_length=1)]


@routes.get("/machines", operation_id="listMachines", response_model=MachineListResponse)
async def list_machines(visit: Entered, page: Paged) -> Response:
    """The workspace's machines."""
    visit.caller.require(Act.READ)
    database, now = visit.room.yard.database, visit.room.yard.clock()
    found = await store.page(database, visit.caller.workspace, after=page.after, rows=page.rows)
    machines, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown(now) for one in machines]
    return await look(visit, MachineListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/machines", operation_id="registerMachine", status_code=201, response_model=MachineV1,
    openapi_extra=asks(RegisterMachineRequest),
)  # fmt: skip
async def register(visit: Entered) -> Response:
    """Register a machine. Before it can do anything it has to enrol."""
    visit.caller.require(Act.MACHINE_WRITE)
    asked = await visit.body(RegisterMachineRequest)
    check_workspace(visit, asked.workspace_id)

    async def work(connection: Connection, book: Book) -> MachineV1:
        machine = await store.add(
            connection, visit.caller.workspace, hostname=asked.hostname, os_image=asked.os_image,
            capabilities=asked.allowed_capabilities, operations=asked.operations, slots=asked.slots, at=book.now,
        )  # fmt: skip
        _tell(visit, book, machine, "MachineRegistered", f"Machine {machine.id} registered.")
        return machine.shown(book.now)

    return await command(
        visit, "RegisterMachine", asked, work, status=201, location=lambda made: f"machines/{made.machine_id}"
    )


@routes.get("/machines/{machineId}", operation_id="getMachine", response_model=MachineV1)
async def get(visit: Entered, machine_id: MachineId) -> Response:
    """A machine."""
    require_reader(visit, machine_id)
    machine = await store.find(visit.room.yard.database, visit.caller.workspace, machine_id)
    return await look(visit, machine.shown(visit.room.yard.clock()))


@routes.patch(
    "/machines/{machineId}", operation_id="updateMachine", response_model=MachineV1,
    openapi_extra=asks(UpdateMachineRequest),
)  # fmt: skip
async def update(visit: Entered, machine_id: MachineId) -> Response:
    """Change what a machine may be asked to do, and how much at once."""
    visit.caller.require(Act.MACHINE_WRITE)
    asked = await visit.body(UpdateMachineRequest)
    changes = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "allowed_capabilities" in changes:
        changes["capabilities"] = changes.pop("allowed_capabilities")

    async def work(connection: Connection, book: Book) -> MachineV1:
        machine = await store.lock(connection, visit.caller.workspace, machine_id)
        visit.match(machine.shown(book.now))
        machine = await store.change(connection, machine, changes)
        await _withdraw(visit, connection, book, machine)
        named = ", ".join(sorted(asked.model_fields_set))
        _tell(visit, book, machine, "MachineUpdated", f"Machine {machine.id} changed: {named}.")
        return machine.shown(book.now)

    return await command(visit, "UpdateMachine", asked, work)


@routes.delete("/machines/{machineId}", operation_id="deregisterMachine", status_code=204)
async def deregister(visit: Entered, machine_id: MachineId) -> Response:
    """Take a machine out of the workspace. What it has before it fails."""
    visit.caller.require(Act.MACHINE_WRITE)

    async def work(connection: Connection, book: Book) -> Answer:
        machine = await store.lock(connection, visit.caller.workspace, machine_id)
        visit.match(machine.shown(book.now))
        await end_all(visit, connection, book, machine, reason="The machine was deregistered.")
        if machine.client_id is not None:
            accounts = visit.room.yard.identity.service_accounts
            await accounts.revoke(connection, machine.workspace, machine.client_id)
        await store.deregister(connection, machine, at=book.now)
        await bells.ring_machine(connection, machine.workspace, machine.id)
        _tell(visit, book, machine, "MachineDeregistered", f"Machine {machine.id} deregistered.")
        return machine.shown(book.now)

    return await command(visit, "DeregisterMachine", None, work, status=204)


# -------------------------------------------------------------------- how far it is trusted


@routes.post("/machines/{machineId}/drain", operation_id="drainMachine", response_model=MachineV1)
async def drain(visit: Entered, machine_id: MachineId) -> Response:
    """Let a machine finish what it does, and take nothing new."""
    return await _stand(visit, machine_id, Standing.DRAINING, "MachineDraining")


@routes.post("/machines/{machineId}/activate", operation_id="activateMachine", response_model=MachineV1)
async def activate(visit: Entered, machine_id: MachineId) -> Response:
    """Let a machine work again, after a drain or a quarantine."""
    return await _stand(visit, machine_id, Standing.ACTIVE, "MachineActivated")


@routes.post(
    "/machines/{machineId}/quarantine", operation_id="quarantineMachine", response_model=MachineV1,
    openapi_extra=asks(QuarantineRequest),
)  # fmt: skip
async def quarantine(visit: Entered, machine_id: MachineId) -> Response:
    """Trust a machine no more: it gets nothing new, and what it has before it fails."""
    visit.caller.require(Act.MACHINE_WRITE)
    asked = await visit.body(QuarantineRequest)
    return await _stand(visit, machine_id, Standing.QUARANTINED, "MachineQuarantined", asked)


async def _stand(
    visit: Visit, machine_id: str, standing: Standing, event: str, asked: QuarantineRequest | None = None
) -> Response:
    visit.caller.require(Act.MACHINE_WRITE)

    async def work(connection: Connection, book: Book) -> MachineV1:
        machine = await store.lock(connection, visit.caller.workspace, machine_id)
        visit.match(machine.shown(book.now))
        reason = None if asked is None else asked.reason
        machine = await store.stand(connection, machine, standing, reason)
        why = "" if reason is None else f": {reason}"
        _tell(visit, book, machine, event, f"Machine {machine.id} is {standing}{why}.")
        if standing is Standing.QUARANTINED:
            await end_all(visit, connection, book, machine, reason="The machine is in quarantine.")
        await bells.ring_machine(connection, machine.workspace, machine.id)
        return (await store.find(connection, machine.workspace, machine.id)).shown(book.now)

    return await command(visit, event, asked, work)


# -------------------------------------------------------------------- enrolment


@routes.post(
    "/machines/{machineId}/enrolment", operation_id="createMachineEnrolment", status_code=201,
    response_model=EnrolmentToken,
)  # fmt: skip
async def allow_enrolment(visit: Entered, machine_id: MachineId) -> Response:
    """Make a token with which the machine can enrol, once. An earlier one counts no more."""
    visit.caller.require(Act.MACHINE_WRITE)

    async def work(connection: Connection, book: Book) -> EnrolmentToken:
        machine = await store.lock(connection, visit.caller.workspace, machine_id)
        ticket, ends = await enrolment.allow(connection, machine, at=book.now)
        _tell(visit, book, machine, "MachineEnrolmentAllowed", f"Machine {machine.id} may enrol.")
        return EnrolmentToken(machine_id=machine.id, token=ticket.reveal(), expires_at_iso=ends)

    return await command(
        visit, "CreateMachineEnrolment", None, work, status=201,
        keep=lambda made: made.model_copy(update={"token": None}),
    )  # fmt: skip


@routes.post(
    "/machines/{machineId}/enrol", operation_id="enrolMachine", status_code=201, response_model=EnrolledMachine,
    openapi_extra={**asks(EnrolRequest), "security": []},
)  # fmt: skip
async def enrol(
    request: Request, workspace: Annotated[str, Path(alias="workspaceId", min_length=1)], machine_id: MachineId
) -> Response:
    """Enrol: a machine shows its token and gets a service account. Needs no other credential."""
    room = ground.of(request)
    count(request, room, None)
    asked = await read(request, EnrolRequest)
    try:
        ticket = enrolment.Ticket.parse(asked.token)
    except ValueError as error:
        raise invalid("token", str(error)) from None
    if (ticket.workspace, ticket.machine) != (workspace, machine_id):
        raise forbidden("The enrolment token is for another machine.")
    await enrolment.check(room.yard.database, ticket, at=room.yard.clock())  # strangers don't get to open the book
    accounts = room.yard.identity.service_accounts

    async def work(connection: Connection) -> EnrolledMachine:
        book = await room.ledger.open(connection, workspace)
        machine = await enrolment.take(connection, ticket, at=book.now)
        if machine.client_id is not None:
            await accounts.revoke(connection, workspace, machine.client_id)
        issued = await accounts.create(connection, workspace, machine.id, roles=(), machine_id=machine.id)
        drifted = machine.declared is not None and bool(enrolment.gained(machine, asked.operations))
        machine = await enrolment.enrolled(
            connection, machine, client_id=issued.account.client_id, declared=asked.operations,
            os_image=asked.os_image, at=book.now,
        )  # fmt: skip
        correlation = correlation_of(request)
        book.record("System", f"Machine {machine.id} enrolled.", actor=machine.actor, correlation_id=correlation)
        book.tell(
            "machine", "MachineEnrolled", subject=f"machines/{machine.id}", data=_data(machine),
            correlation_id=correlation,
        )  # fmt: skip
        if drifted:
            await enrolment.suspect(connection, book, machine, asked.operations, correlation_id=correlation)
        await book.close()
        return EnrolledMachine(
            machine_id=machine.id, workspace_id=workspace, client_id=issued.account.client_id,
            client_secret=issued.secret.reveal(),
        )  # fmt: skip

    made = await room.yard.database.transaction(work)
    return Response(made.encoded(), 201, media_type="application/json", headers={"Cache-Control": "no-store"})


# -------------------------------------------------------------------- signs of life


@routes.post(
    "/machines/{machineId}/heartbeat", operation_id="heartbeatMachine", response_model=MachineHeartbeat,
    openapi_extra=asks(HeartbeatRequest),
)  # fmt: skip
async def heartbeat(visit: Entered, machine_id: MachineId) -> Response:
    """Hear that a machine lives, and how it is."""
    require_self(visit, machine_id)
    asked = await heard(visit)
    database, now = visit.room.yard.database, visit.room.yard.clock()
    machine = await store.find(database, visit.caller.workspace, machine_id)
    await store.hear(database, machine, at=now, ok=asked.status == "ok", said=said(asked))
    return await look(
        visit,
        MachineHeartbeat(
            machine_id=machine.id,
            last_heartbeat_at_iso=now,
            status=asked.status,
            metrics=asked.metrics,
            location=asked.location,
            status_message=asked.status_message,
            next_heartbeat_seconds=int(HEARTBEAT.total_seconds()),
        ),
        etag=False,
    )


@routes.post("/machines/{machineId}/test", operation_id="testMachineConnection", response_model=ConnectionTestResult)
async def test(visit: Entered, machine_id: MachineId) -> Response:
    """Ask a machine for a sign of life, and measure how long it takes to come."""
    visit.caller.require(Act.MACHINE_TEST)
    machine = await store.find(visit.room.yard.database, visit.caller.workspace, machine_id)
    reached = await ping(visit.room.yard, visit.room.ledger, machine, by=visit.caller)
    return await look(visit, reached.shown(), etag=False)


# -------------------------------------------------------------------- what other modules of this face need


def require_reader(visit: Visit, machine_id: str) -> None:
    """Return if the caller may see this machine: itself, or anybody with a role.

    Raises:
        Refused: they may not.
    """
    if visit.caller.machine_id != machine_id:
        visit.caller.require(Act.READ)


async def end_all(visit: Visit, connection: Connection, book: Book, machine: Machine, *, reason: str) -> None:
    """Fail all that a machine has before it, and wake the runs that wait for it."""
    for each in await invocations.open_of(connection, machine):
        await _end(visit, connection, book, each, reason=reason)


async def _withdraw(visit: Visit, connection: Connection, book: Book, machine: Machine) -> None:
    """Fail what a machine has not begun and may do no more."""
    for each in await invocations.open_of(connection, machine):
        waits = each.status is InvocationStatus.ACCEPTED and each.operation != PING
        if waits and each.operation not in machine.allowed:
            await _end(visit, connection, book, each, reason=f"The machine may do {each.operation!r} no more.")


async def _end(visit: Visit, connection: Connection, book: Book, invocation: Invocation, *, reason: str) -> None:
    await invocations.cancel(connection, book, invocation, actor=visit.caller.actor, reason=reason)
    if invocation.run_id is not None:
        await Waker(visit.room.yard.jobs)(connection, invocation.run_id)


def _tell(visit: Visit, book: Book, machine: Machine, name: str, summary: str) -> None:
    tell(visit, book, name, summary, subject=f"machines/{machine.id}", data=_data(machine))


def _data(machine: Machine) -> dict[str, object]:
    return {"machineId": machine.id, "standing": str(machine.standing)}
