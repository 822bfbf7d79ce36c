"""Invocations in the database: opened, handed to their machine, begun, ended. Every end is one function, :func:`end`.

What is recorded: that a machine was asked, and what came of it. Handing out is no news to anybody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.evidence.entry import SYSTEM, Actor
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import bells
from runyard.services.runs.machines.invocation import LEASE, PING, TRANSITIONS, Invocation
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.machines import CredentialReference, InvocationError, InvocationStatus, Standing
from runyard.services.runs.refused import Refused, conflict, invalid, not_found

COLUMNS: Final = """
    workspace, id, machine_id, operation, input, credentials, run_id, plan_id, action_id, asked_by, correlation_id,
    status, delivery, created_at, due_at, held_until, started_at, ended_at, output, error, last_seq
"""

MOST_OPEN: Final = 1000
"""Invocations that one machine may have before it."""

PINGS: Final = 10
"""Connection tests that are handed out at once, whatever else the machine has to do."""

MOST_EVENTS: Final = 1000
"""Reports of one invocation that are kept; what it says after that is dropped, its end isn't."""

_FIND: Final = f"SELECT {COLUMNS} FROM runs_invocations WHERE workspace = $1 AND id = $2"


async def open(  # noqa: A001  (the field's own word)
    connection: Connection,
    book: Book,
    machine: Machine,
    *,
    operation: str,
    input: Mapping[str, object],  # noqa: A002
    within: timedelta,
    asked_by: str,
    actor: Actor,
    correlation_id: str,
    id: str | None = None,  # noqa: A002
    credentials: Sequence[CredentialReference] = (),
    run_id: str | None = None,
    plan_id: str | None = None,
    action_id: str | None = None,
) -> Invocation:
    """Ask a machine to do something.

    Args:
        within: by when it has to have ended, waiting included.
        asked_by: the user on whose behalf.
        id: asking again with the same one changes nothing.

    Raises:
        Refused: the machine may not do that, doesn't take anything at present, or the id means something else.
    """
    known = None if id is None else await _peek(connection, book.workspace, id)
    if known is not None:
        if (known.machine_id, known.operation, dict(known.input)) != (machine.id, operation, dict(input)):
            raise conflict(f"Invocation {id!r} is for something else already. Choose another id.")
        return known
    check(machine, operation)
    await _check_room(connection, machine)
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs_invocations (workspace, id, machine_id, operation, input, credentials, run_id, plan_id,
            action_id, asked_by, correlation_id, status, created_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'accepted', $12, $13) RETURNING {COLUMNS}
        """,
        book.workspace, id or f"invocation-{uuid4()}", machine.id, operation, input,
        [one.model_dump() for one in credentials] or None, run_id, plan_id, action_id, asked_by, correlation_id,
        book.now, book.now + within,
    )  # fmt: skip
    assert row is not None
    opened = _invocation(row)
    if operation != PING:
        _tell(book, opened, "ActionDispatched", f"Machine {machine.id} is asked to do {operation}.", actor)
    await bells.ring(connection, opened)
    return opened


def check(machine: Machine, operation: str) -> None:
    """Return if a machine may be asked to do this now.

    Raises:
        Refused: it may not, and why.
    """
    if machine.enrolled_at is None:
        raise conflict(f"Machine {machine.id!r} has never enrolled. Make it an enrolment token first.")
    if operation == PING:
        return
    if machine.standing is not Standing.ACTIVE:
        raise conflict(f"Machine {machine.id!r} is {machine.standing} and takes nothing new.")
    if operation not in machine.allowed:
        known = ", ".join(sorted(machine.allowed)) or "nothing"
        raise conflict(f"Machine {machine.id!r} may not do {operation!r}. It may do: {known[:500]}.")


async def find(
    where: Connection | Database, workspace: str, invocation: str, *, machine: str | None = None
) -> Invocation:
    """The invocation of this id, of this machine if one is said.

    Raises:
        Refused: there is none.
    """
    found = await _peek(where, workspace, invocation)
    if found is None or machine not in {None, found.machine_id}:
        raise not_found("Invocation", invocation)
    return found


async def lock(connection: Connection, workspace: str, invocation: str, *, machine: str | None = None) -> Invocation:
    """The same, unchanged by others to the end of the transaction."""
    await connection.execute(
        "SELECT 1 FROM runs_invocations WHERE workspace = $1 AND id = $2 FOR UPDATE", workspace, storable(invocation)
    )
    return await find(connection, workspace, invocation, machine=machine)


async def page(
    database: Database, workspace: str, machine: str, *, after: tuple[datetime, str], rows: int
) -> list[Invocation]:
    """Up to ``rows`` invocations of a machine, the oldest first. Connection tests aren't among them."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_invocations
        WHERE workspace = $1 AND machine_id = $2 AND (created_at, id) > ($3, $4) AND operation <> '{PING}'
        ORDER BY created_at, id LIMIT $5
        """,
        workspace, machine, *after, rows,
    )  # fmt: skip
    return [_invocation(row) for row in found]


async def claim(
    connection: Connection, machine: Machine, *, holding: Sequence[str], free: int, now: datetime
) -> tuple[list[Invocation], list[str]]:
    """Hand a machine what it may do next, and extend the time of what it holds.

    Returns:
        what it is handed, and those it holds that it has to stop.
    """
    kept = await connection.fetch(
        """
        UPDATE runs_invocations SET held_until = $4
        WHERE workspace = $1 AND machine_id = $2 AND id = ANY ($3) AND ended_at IS NULL AND held_until IS NOT NULL
        RETURNING id
        """,
        machine.workspace, machine.id, list(holding), now + LEASE,
    )  # fmt: skip
    stop = set(holding) - {row["id"] for row in kept}
    # What it was handed and neither holds nor has begun didn't reach it: it is handed out again at once.
    handed = await _hand(connection, machine, holding, most=PINGS, now=now, only=f"operation = '{PING}'")
    if free and machine.standing is not Standing.QUARANTINED:
        handed += await _hand(connection, machine, holding, most=free, now=now, only=f"operation <> '{PING}'")
    return handed, sorted(stop)


async def _hand(
    connection: Connection, machine: Machine, holding: Sequence[str], *, most: int, now: datetime, only: str
) -> list[Invocation]:
    rows = await connection.fetch(
        f"""
        WITH next AS (
            SELECT id FROM runs_invocations
            WHERE workspace = $1 AND machine_id = $2 AND status = 'accepted' AND ended_at IS NULL AND due_at > $5
                AND id <> ALL ($3) AND {only}
            ORDER BY created_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
        )
        UPDATE runs_invocations i SET delivery = delivery + 1, held_until = $6
        FROM next WHERE i.workspace = $1 AND i.id = next.id
        RETURNING {COLUMNS.replace(" id,", " i.id,")}
        """,
        machine.workspace, machine.id, list(holding), most, now, now + LEASE,
    )  # fmt: skip
    return sorted(map(_invocation, rows), key=lambda one: (one.created_at, one.id))


async def begin(connection: Connection, book: Book, invocation: Invocation, *, delivery: int) -> Invocation:
    """Its machine has begun. Saying so twice changes nothing.

    Raises:
        Refused: it isn't the machine's to begin any more.
    """
    check_delivery(invocation, delivery)
    if invocation.status is InvocationStatus.RUNNING:
        return invocation
    begun = await _move(connection, invocation, InvocationStatus.RUNNING, at=book.now)
    await _append(connection, begun, "status", {"status": begun.status}, at=book.now)
    return begun


async def end(
    connection: Connection,
    book: Book,
    invocation: Invocation,
    *,
    actor: Actor,
    output: Mapping[str, object] | None = None,
    error: InvocationError | None = None,
) -> Invocation:
    """It has completed with an output, or failed with an error. The caller wakes the run that waits for it."""
    completed = error is None
    status = InvocationStatus.COMPLETED if completed else InvocationStatus.FAILED
    ended = await _move(connection, invocation, status, at=book.now, output=output if completed else None, error=error)
    why = {} if error is None else {"error": error.model_dump()}
    await _append(connection, ended, "status", {"status": ended.status, **why}, at=book.now)
    if ended.operation != PING:
        became = "has done" if error is None else f"has not done ({error.code})"
        summary = f"Machine {ended.machine_id} {became} {ended.operation}."
        _tell(book, ended, "ActionCompleted" if completed else "ActionFailed", summary, actor)
    return ended


async def settle(connection: Connection, book: Book, invocation: Invocation) -> Invocation:
    """End it if nothing was heard of it in time. For everybody who waits for one, at its ``ends_by``."""
    error = invocation.lapsed(book.now)
    return invocation if error is None else await end(connection, book, invocation, actor=SYSTEM, error=error)


async def cancel(
    connection: Connection, book: Book, invocation: Invocation, *, actor: Actor, reason: str
) -> Invocation:
    """Nobody wants it any more. Its machine is told with the next word it says, at once if it listens."""
    if invocation.status.ended:
        return invocation
    error = InvocationError(code="cancelled", message=reason)
    return await end(connection, book, invocation, actor=actor, error=error)


async def open_of(connection: Connection, machine: Machine) -> list[Invocation]:
    """What a machine has before it, locked to the end of the transaction."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_invocations WHERE workspace = $1 AND machine_id = $2 AND ended_at IS NULL
        ORDER BY created_at, id FOR UPDATE
        """,
        machine.workspace, machine.id,
    )  # fmt: skip
    return [_invocation(row) for row in rows]


async def say(
    connection: Connection, invocation: Invocation, *, log: str | None, progress: float | None, at: datetime
) -> None:
    """Keep what its machine says of it on the way, for those who watch."""
    if invocation.last_seq >= MOST_EVENTS:
        return
    if log is not None:
        text = log if invocation.last_seq < MOST_EVENTS - 1 else "[runyard] What it prints from here on is not kept.\n"
        invocation = await _append(connection, invocation, "log", {"text": text}, at=at)
    if progress is not None:
        await _append(connection, invocation, "progress", {"percent": progress}, at=at)


async def events(
    database: Database, invocation: Invocation, *, after: int, rows: int
) -> Sequence[tuple[int, datetime, str, Mapping[str, object]]]:
    """What happened to it after number ``after``."""
    found = await database.fetch(
        """
        SELECT seq, at, type, body FROM runs_invocation_events
        WHERE workspace = $1 AND invocation = $2 AND seq > $3 ORDER BY seq LIMIT $4
        """,
        invocation.workspace, invocation.id, after, rows,
    )  # fmt: skip
    return [(row["seq"], row["at"], row["type"], row["body"]) for row in found]


async def forget(connection: Connection, machine: Machine, *, before: datetime) -> None:
    """Remove a few that ended long ago; asked for often, so that there are never many."""
    await connection.execute(
        """
        DELETE FROM runs_invocations WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM runs_invocations WHERE workspace = $1 AND machine_id = $2 AND ended_at < $3
                AND (created_at < $3) ORDER BY created_at, id LIMIT 4 FOR UPDATE SKIP LOCKED
        ))
        """,
        machine.workspace, machine.id, before,
    )  # fmt: skip


def check_delivery(invocation: Invocation, delivery: int) -> None:
    """Return if a report about this delivery still counts.

    Raises:
        Refused: it has ended, or was handed out again since.
    """
    if invocation.status.ended:
        raise conflict(f"Invocation {invocation.id!r} has {invocation.status}.", invocationStatus=invocation.status)
    if invocation.delivery == 0:
        raise conflict(f"Invocation {invocation.id!r} was not handed out yet. Claim it first.")
    if delivery != invocation.delivery:
        raise conflict(f"Invocation {invocation.id!r} was handed out again since delivery {delivery}.")


async def _check_room(connection: Connection, machine: Machine) -> None:
    waiting = await connection.fetchval(
        "SELECT count(*) FROM runs_invocations WHERE workspace = $1 AND machine_id = $2 AND ended_at IS NULL",
        machine.workspace, machine.id,
    )  # fmt: skip
    if waiting >= MOST_OPEN:
        raise Refused(
            "rate-limit-exceeded", f"Machine {machine.id!r} has {waiting} invocations before it. Ask again later."
        )


async def _peek(where: Connection | Database, workspace: str, invocation: str) -> Invocation | None:
    row = await where.fetchrow(_FIND, workspace, storable(invocation))
    return None if row is None else _invocation(row)


async def _move(
    connection: Connection,
    invocation: Invocation,
    status: InvocationStatus,
    *,
    at: datetime,
    output: Mapping[str, object] | None = None,
    error: InvocationError | None = None,
) -> Invocation:
    """The only statement that changes a status."""
    if status not in TRANSITIONS[invocation.status]:
        raise conflict(f"Invocation {invocation.id!r} has {invocation.status}.", invocationStatus=invocation.status)
    if status is InvocationStatus.COMPLETED and output is None:
        raise invalid("output", "is missing; an object, {} if there is nothing to say")
    row = await connection.fetchrow(
        f"""
        UPDATE runs_invocations SET status = $4,
            started_at = CASE WHEN $4 = 'running' THEN $5 ELSE started_at END,
            held_until = CASE WHEN $4 = 'running' THEN $6 ELSE held_until END,
            ended_at = CASE WHEN $4 = 'running' THEN NULL ELSE $5 END, output = $7, error = $8
        WHERE workspace = $1 AND id = $2 AND status = $3 RETURNING {COLUMNS}
        """,
        invocation.workspace, invocation.id, invocation.status, status, at, at + LEASE, output,
        None if error is None else error.model_dump(),
    )  # fmt: skip
    if row is None:
        raise conflict(f"Invocation {invocation.id!r} is no longer {invocation.status}.")
    moved = _invocation(row)
    await bells.ring(connection, moved)
    return moved


async def _append(
    connection: Connection, invocation: Invocation, kind: str, body: Mapping[str, object], *, at: datetime
) -> Invocation:
    row = await connection.fetchrow(
        f"""
        WITH moved AS (
            UPDATE runs_invocations SET last_seq = last_seq + 1 WHERE workspace = $1 AND id = $2 RETURNING {COLUMNS}
        ), told AS (
            INSERT INTO runs_invocation_events (workspace, invocation, seq, at, type, body)
            SELECT $1, $2, last_seq, $3, $4, $5 FROM moved
        ) SELECT * FROM moved
        """,
        invocation.workspace, invocation.id, at, kind, body,
    )  # fmt: skip
    assert row is not None
    await bells.ring(connection, invocation)
    return _invocation(row)


def _tell(book: Book, invocation: Invocation, name: str, summary: str, actor: Actor) -> None:
    """Evidence and an event, both about the same."""
    book.record(
        "Action", summary, actor=actor, correlation_id=invocation.correlation_id, run_id=invocation.run_id,
        plan_id=invocation.plan_id,
    )  # fmt: skip
    data: dict[str, object] = {"invocationId": invocation.id, "machineId": invocation.machine_id}
    data |= {"operation": invocation.operation, "status": str(invocation.status)}
    book.tell(
        "machine", name, subject=f"machines/{invocation.machine_id}/invocations/{invocation.id}", data=data,
        correlation_id=invocation.correlation_id, run_id=invocation.run_id, action_id=invocation.action_id,
    )  # fmt: skip


def _invocation(row: Mapping[str, object]) -> Invocation:
    known = dict(row)
    error, credentials = known["error"], known["credentials"] or []
    known["status"] = InvocationStatus(str(known["status"]))
    known["error"] = None if error is None else InvocationError.model_validate(error)
    known["credentials"] = [CredentialReference.model_validate(one) for one in credentials]  # type: ignore[attr-defined]
    return Invocation(**known)  # type: ignore[arg-type]
