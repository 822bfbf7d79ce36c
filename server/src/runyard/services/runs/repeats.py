"""Commands that come again: how they are known, and what they were answered.

The ledger keeps the answer of a command with what it did; see :meth:`runyard.services.runs.ledger.Book.close`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from runyard.database import Database
from runyard.services.runs.refused import conflict

ANSWERED: Final = "known.fingerprint, known.status, known.location, known.body"
"""What :func:`answered_in` looks at."""

SAME: Final = "(known.workspace, known.command, known.user_id, known.key) = ($2, $3, $4, $5) AND known.created_at > $1"
"""Which answer is that to a command, whose :attr:`Command.sought` are the first values."""

_KNOWN: Final = f"SELECT {ANSWERED} FROM runs_idempotency AS known WHERE {SAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request that changes something, as it is remembered: whose, which, and with what body.

    Attributes:
        scope: the workspace it is about; empty for one that makes a workspace.
        name: what the protocol calls the change, such as ``StartWorkflow``.
        key: its Idempotency-Key, or what else nobody else has.
        since: what was answered up to then is forgotten.
    """

    scope: str
    name: str
    user: UUID
    key: str
    fingerprint: bytes
    at: datetime
    since: datetime

    @property
    def sought(self) -> tuple[object, ...]:
        """What finds an answer to it, see :data:`SAME`."""
        return self.since, self.scope, self.name, self.user, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a command was answered. Without a body for what can't be shown."""

    status: int
    location: str | None
    body: bytes


class AnsweredMeanwhile(Exception):
    """The same command was answered while this one was at work, so this one mustn't count."""


async def answered(database: Database, command: Command) -> Answered | None:
    """What a command was answered, if it was.

    Raises:
        Refused: its key was used for another one.
    """
    row = await database.fetchrow(_KNOWN, *command.sought)
    return None if row is None else answered_in(row, command)


def answered_in(row: asyncpg.Record, command: Command) -> Answered | None:
    """The same from a row that has :data:`ANSWERED`, or nothing in its place."""
    if row["fingerprint"] is None:
        return None
    if row["fingerprint"] != command.fingerprint:
        raise conflict("This Idempotency-Key was used for another request. Use a new one.")
    return Answered(status=row["status"], location=row["location"], body=row["body"])
