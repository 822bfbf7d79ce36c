"""Enrolment: how a registered machine becomes one that can prove it. A token lets it in once, within a day.

What a machine says it can do is kept. Should it say more one day, it goes into quarantine until somebody has looked.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from runyard.database import Connection, Database
from runyard.identity import Secret
from runyard.identity.keys import digest, new_key
from runyard.services.runs.ledger import Book
from runyard.services.runs.machines import store
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.machines import Standing
from runyard.services.runs.refused import Refused

LIFETIME: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ticket:
    """An enrolment token in its parts. In the clear on its way to the machine only."""

    workspace: str
    machine: str
    secret: Secret

    @classmethod
    def parse(cls, token: str) -> Ticket:
        """The parts of a token.

        Raises:
            ValueError: it isn't one.
        """
        parts = token.strip().split(".")
        if len(parts) != 3 or not all(parts):
            raise ValueError("This is no enrolment token. It looks like workspace.machine-….client_…")
        return cls(parts[0], parts[1], Secret(parts[2]))

    def reveal(self) -> str:
        """The token itself."""
        return f"{self.workspace}.{self.machine}.{self.secret.reveal()}"


async def allow(connection: Connection, machine: Machine, *, at: datetime) -> tuple[Ticket, datetime]:
    """A token with which the machine may enrol, and its end. One that was made before counts no more."""
    ticket, ends = Ticket(machine.workspace, machine.id, new_key("client")), at + LIFETIME
    await connection.execute(
        "UPDATE runs_machines SET enrolment = $3, enrolment_ends_at = $4 WHERE workspace = $1 AND id = $2",
        machine.workspace, machine.id, digest(ticket.secret.reveal()), ends,
    )  # fmt: skip
    return ticket, ends


async def take(connection: Connection, ticket: Ticket, *, at: datetime) -> Machine:
    """Use a token up. The machine it is for, locked to the end of the transaction.

    Raises:
        Refused: it isn't good.
    """
    await check(connection, ticket, at=at, lock="FOR UPDATE")
    await connection.execute(
        "UPDATE runs_machines SET enrolment = NULL, enrolment_ends_at = NULL WHERE workspace = $1 AND id = $2",
        ticket.workspace, ticket.machine,
    )  # fmt: skip
    return await store.find(connection, ticket.workspace, ticket.machine)


async def check(
    where: Connection | Database, ticket: Ticket, *, at: datetime, lock: Literal["", "FOR UPDATE"] = ""
) -> None:
    """Return if a token is good.

    Raises:
        Refused: it isn't. Why isn't said: whoever has a good one knows.
    """
    row = await where.fetchrow(
        f"""
        SELECT enrolment, enrolment_ends_at FROM runs_machines
        WHERE workspace = $1 AND id = $2 AND deregistered_at IS NULL {lock}
        """,
        ticket.workspace, ticket.machine,
    )  # fmt: skip
    kept: bytes = bytes(32) if row is None or row["enrolment"] is None else row["enrolment"]
    same = hmac.compare_digest(kept, digest(ticket.secret.reveal()))
    if row is None or not same or row["enrolment_ends_at"] <= at:
        raise Refused("unauthorized", "The enrolment token is unknown, used or expired. Have a new one made.")


async def enrolled(
    connection: Connection,
    machine: Machine,
    *,
    client_id: str,
    declared: Iterable[str],
    os_image: str | None,
    at: datetime,
) -> Machine:
    """Note that the machine has enrolled, as which service account, and what it says it can do.

    Where nobody has said what it may be asked to do, that is what it declares now.
    """
    said = sorted(set(declared))
    free = machine.operations is None and machine.capabilities is None and machine.enrolled_at is None
    await connection.execute(
        """
        UPDATE runs_machines SET enrolled_at = $3, client_id = $4, operations = $5, os_image = coalesce($6, os_image),
            declared = coalesce(declared, $7)
        WHERE workspace = $1 AND id = $2
        """,
        machine.workspace, machine.id, at, client_id, said if free else machine.operations, os_image, said,
    )  # fmt: skip
    return await store.find(connection, machine.workspace, machine.id)


def gained(machine: Machine, declared: Iterable[str]) -> list[str]:
    """What the machine says it can do and never said before."""
    return sorted(set(declared) - set(machine.declared or ()))


async def suspect(
    connection: Connection, book: Book, machine: Machine, declared: Iterable[str], *, correlation_id: str
) -> Machine:
    """Put a machine that can do more than it said into quarantine. What it says now counts once somebody has looked."""
    more = ", ".join(gained(machine, declared))
    await connection.execute(
        "UPDATE runs_machines SET declared = $3 WHERE workspace = $1 AND id = $2",
        machine.workspace, machine.id, sorted(set(declared) | set(machine.declared or ())),
    )  # fmt: skip
    reason = f"It says that it can do more than when it enrolled: {more[:500]}."
    summary = f"Machine {machine.id} is in quarantine. {reason}"
    book.record("System", summary, actor=machine.actor, correlation_id=correlation_id)
    book.tell(
        "machine", "MachineQuarantined", subject=f"machines/{machine.id}",
        data={"machineId": machine.id, "standing": str(Standing.QUARANTINED)}, correlation_id=correlation_id,
    )  # fmt: skip
    return await store.stand(connection, machine, Standing.QUARANTINED, reason)
