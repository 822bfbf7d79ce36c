"""Machines in the database. The only module that writes their table, but for enrolment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

import asyncpg

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.machines import AgentCapability, Standing
from runyard.services.runs.refused import Refused, conflict, not_found

COLUMNS: Final = """
    workspace, id, hostname, os_image, capabilities, operations, declared, slots, standing, reason, created_at,
    enrolled_at,    client_id, heard_at, heard_ok, heard,
    (SELECT count(*) FROM runs_invocations i
     WHERE i.workspace = m.workspace AND i.machine_id = m.id AND i.status = 'running' AND i.ended_at IS NULL) AS running
"""

_FIND: Final = f"""
    SELECT {COLUMNS} FROM runs_machines m WHERE workspace = $1 AND id = $2 AND deregistered_at IS NULL
"""


async def find(where: Connection | Database, workspace: str, machine: str) -> Machine:
    """The machine of this id.

    Raises:
        Refused: there is none.
    """
    row = await where.fetchrow(_FIND, workspace, storable(machine))
    if row is None:
        raise not_found("Machine", machine)
    return _machine(row)


async def lock(connection: Connection, workspace: str, machine: str) -> Machine:
    """The same, unchanged by others to the end of the transaction."""
    await connection.execute(
        "SELECT 1 FROM runs_machines WHERE workspace = $1 AND id = $2 FOR UPDATE", workspace, storable(machine)
    )
    return await find(connection, workspace, machine)


async def page(database: Database, workspace: str, *, after: tuple[datetime, str], rows: int) -> list[Machine]:
    """Up to ``rows`` machines, in the order of their registration."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_machines m
        WHERE workspace = $1 AND deregistered_at IS NULL AND (created_at, id) > ($2, $3)
        ORDER BY created_at, id LIMIT $4
        """,
        workspace, *after, rows,
    )  # fmt: skip
    return [_machine(row) for row in found]


async def add(
    connection: Connection,
    workspace: str,
    *,
    hostname: str,
    os_image: str | None,
    capabilities: Iterable[AgentCapability] | None,
    operations: Iterable[str] | None,
    slots: int,
    at: datetime,
) -> Machine:
    """Register a machine.

    Raises:
        Refused: another one has the name.
    """
    machine = f"machine-{uuid4()}"
    done = await connection.execute(
        """
        INSERT INTO runs_machines
            (workspace, id, hostname, os_image, capabilities, operations, slots, standing, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8)
        ON CONFLICT (workspace, hostname) WHERE deregistered_at IS NULL DO NOTHING
        """,
        workspace, machine, hostname, os_image, _list(capabilities), _list(operations), slots, at,
    )  # fmt: skip
    if done == "INSERT 0 0":
        raise _taken(hostname)
    return await find(connection, workspace, machine)


async def change(connection: Connection, machine: Machine, changes: Mapping[str, object]) -> Machine:
    """Change some of ``hostname``, ``os_image``, ``capabilities``, ``operations`` and ``slots``.

    Raises:
        Refused: another one has the name.
    """
    new = {"hostname": machine.hostname, "os_image": machine.os_image, "slots": machine.slots} | {
        "capabilities": machine.capabilities, "operations": machine.operations,
    } | dict(changes)  # fmt: skip
    try:
        await connection.execute(
            """
            UPDATE runs_machines SET hostname = $3, os_image = $4, capabilities = $5, operations = $6, slots = $7
            WHERE workspace = $1 AND id = $2
            """,
            machine.workspace, machine.id, new["hostname"], new["os_image"], _list(new["capabilities"]),
            _list(new["operations"]), new["slots"],
        )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise _taken(str(new["hostname"])) from None
    return await find(connection, machine.workspace, machine.id)


async def stand(connection: Connection, machine: Machine, standing: Standing, reason: str | None = None) -> Machine:
    """Say how far a machine is trusted from now on. ``reason`` is that of a quarantine."""
    await connection.execute(
        "UPDATE runs_machines SET standing = $3, reason = $4 WHERE workspace = $1 AND id = $2",
        machine.workspace, machine.id, standing, reason,
    )  # fmt: skip
    return await find(connection, machine.workspace, machine.id)


async def hear(
    where: Connection | Database, machine: Machine, *, at: datetime, ok: bool = True, said: Mapping[str, object] | None
) -> None:
    """Note a sign of life. ``said`` is what it says of itself; None if it only lives."""
    await where.execute(
        """
        UPDATE runs_machines SET heard_at = greatest(heard_at, $3),
            heard_ok = CASE WHEN $5::jsonb IS NULL THEN heard_ok ELSE $4 END, heard = coalesce($5, heard)
        WHERE workspace = $1 AND id = $2
        """,
        machine.workspace, machine.id, at, ok, said,
    )  # fmt: skip


async def deregister(connection: Connection, machine: Machine, *, at: datetime) -> None:
    """It is no machine of the workspace any more."""
    await connection.execute(
        "UPDATE runs_machines SET deregistered_at = $3, enrolment = NULL, enrolment_ends_at = NULL"
        " WHERE workspace = $1 AND id = $2",
        machine.workspace, machine.id, at,
    )  # fmt: skip


def _taken(hostname: str) -> Refused:
    return conflict(f"A machine called {hostname!r} is registered already.")


def _list(values: object) -> list[str] | None:
    """Each of them once, as the database takes it."""
    assert values is None or isinstance(values, Iterable)
    return None if values is None else list(dict.fromkeys(map(str, values)))


def _machine(row: Mapping[str, object]) -> Machine:
    known = dict(row)
    for name, kind in (("capabilities", AgentCapability), ("operations", str), ("declared", str)):
        values = known[name]
        known[name] = None if values is None else tuple(map(kind, values))  # type: ignore[call-overload]
    return Machine(**(known | {"standing": Standing(str(known["standing"])), "heard": known["heard"] or {}}))  # type: ignore[arg-type]
