"""The book of a workspace: evidence, events, and answers of commands, written in the transaction of their causes.

The only place that writes any of them. A workspace's head row is locked while its book is open, so entries and events
have one order, and nobody sees number n before n - 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET

from runyard.clock import Clock
from runyard.database import Connection
from runyard.services.runs.evidence import tree
from runyard.services.runs.evidence.entry import (
    Actor,
    Category,
    EvidenceEntry,
    ExternalRef,
    Links,
    PayloadRef,
    check_private,
    iso,
    masked,
)
from runyard.services.runs.repeats import ANSWERED, SAME, Answered, AnsweredMeanwhile, Command, answered_in

CHANNEL: Final = "runyard_runs"
"""Notifications ``<workspace> <number of its last event>``."""

RETENTION: Final = timedelta(days=7)
"""How long the stream of events reaches back. Evidence stays."""

SWEEP: Final = 256
"""Events between two removals of old ones."""

_OPEN: Final = f"""
    SELECT head.entries, head.hash, head.at, head.events, {ANSWERED}
    FROM runs_heads AS head LEFT JOIN runs_idempotency AS known ON {SAME}
    WHERE head.workspace = $6 FOR UPDATE OF head
"""

_PLACE: Final = re.compile(r"\$(\d+)")

_UNASKED: Final = (None,) * 5
_UNKEPT: Final = (None,) * 10
"""In place of a command, and of a command with its answer."""

_CLOSE: Final = f"""
    entries AS (
        INSERT INTO runs_evidence
            (workspace, seq, id, at, category, run_id, plan_id, work_item_id, approval_id, hash, body)
        SELECT $1, seq, id, $4, category, run_id, plan_id, work_item_id, approval_id, hash, body
        FROM unnest($6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                    $13::bytea[], $14::bytea[])
            AS entry (seq, id, category, run_id, plan_id, work_item_id, approval_id, hash, body)
    ), told AS (
        INSERT INTO runs_events (workspace, seq, at, body)
        SELECT $1, seq, $4, body FROM unnest($15::bigint[], $16::bytea[]) AS told (seq, body)
    ), head AS (
        UPDATE runs_heads SET entries = $2, hash = $3, at = $4, events = $5 WHERE workspace = $1
    ), kept AS (
        INSERT INTO runs_idempotency AS known
            (workspace, command, user_id, key, created_at, fingerprint, status, location, body)
        SELECT $18::text, $19::text, $20::uuid, $21::text, $22::timestamptz, $23::bytea, $24::smallint, $25::text,
            $26::bytea WHERE $18 IS NOT NULL
        ON CONFLICT (workspace, command, user_id, key) DO UPDATE SET created_at = EXCLUDED.created_at,
            fingerprint = EXCLUDED.fingerprint, status = EXCLUDED.status, location = EXCLUDED.location,
            body = EXCLUDED.body WHERE known.created_at <= $17
        RETURNING true
    ) SELECT pg_notify('{CHANNEL}', $1 || ' ' || $5), $18 IS NULL OR EXISTS (SELECT FROM kept) AS kept
"""

_VALUES: Final = max(int(number) for number in _PLACE.findall(_CLOSE))
"""How many the statement has by itself, without further changes."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Opens books."""

    clock: Clock

    async def open(self, connection: Connection, workspace: str, command: Command | None = None) -> Book:
        """The workspace's book, locked to the end of the connection's transaction. Close it to have it written.

        Args:
            command: what the book is opened for, if its repetition is to be answered alike.

        Raises:
            Refused: the command's key was used for another one.
        """
        sought = _UNASKED if command is None else command.sought
        head = await connection.fetchrow(_OPEN, *sought, workspace)
        if head is None:
            await connection.execute("INSERT INTO runs_heads (workspace) VALUES ($1) ON CONFLICT DO NOTHING", workspace)
            head = await connection.fetchrow(_OPEN, *sought, workspace)
            assert head is not None
        now = self.clock()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return Book(
            connection=connection,
            workspace=workspace,
            now=now if head["at"] is None else max(now, head["at"]),
            command=command,
            answered=None if command is None else answered_in(head, command),
            _entries=head["entries"],
            _hash=head["hash"],
            _events=head["events"],
        )


@dataclass(slots=True, kw_only=True)
class Book:
    """One workspace's, open in one transaction.

    Attributes:
        now: the time of everything written: not before that of anything written earlier, to the millisecond.
        command: what it was opened for.
        answered: what that was answered before. A neighbour's answer of this very moment may be missing.
    """

    connection: Connection
    workspace: str
    now: datetime
    command: Command | None
    answered: Answered | None
    _entries: int
    _hash: bytes | None
    _events: int
    _new_entries: list[EvidenceEntry] = field(default_factory=list)
    _new_events: list[bytes] = field(default_factory=list)
    _later: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    def later(self, parts: str, *values: object) -> None:
        """Have changes made when the book is closed, in one round trip with all else that is written then.

        Args:
            parts: of a WITH clause: ``name AS (INSERT ...)``, each name once a book. None sees what others change.
            values: of the parameters in there, from the first on.
        """
        self._later.append((parts, values))

    def record(
        self,
        category: Category,
        summary: str,
        *,
        actor: Actor,
        correlation_id: str,
        run_id: str | None = None,
        plan_id: str | None = None,
        work_item_id: str | None = None,
        approval_id: str | None = None,
        payload_refs: tuple[PayloadRef, ...] = (),
        external_refs: tuple[ExternalRef, ...] = (),
    ) -> EvidenceEntry:
        """Append evidence. It is hashed at once, so its id and hash are known.

        Args:
            summary: what happened, in a sentence. E-mail addresses in it are masked.

        Raises:
            PrivateEvidence: a reference carries what evidence must not.
        """
        check_private(external=external_refs, payloads=payload_refs)
        named = {"run_id": run_id, "plan_id": plan_id, "work_item_id": work_item_id, "approval_id": approval_id}
        about: dict[str, object] = {name: value for name, value in named.items() if value is not None}
        if external_refs:
            about["external_refs"] = external_refs
        entry = EvidenceEntry(
            evidence_id=str(uuid4()),
            workspace_id=self.workspace,
            correlation_id=correlation_id,
            occurred_at_iso=iso(self.now),
            category=category,
            summary=masked(summary),
            actor=actor,
            links=Links(**about) if about else UNSET,  # type: ignore[arg-type]
            payload_refs=payload_refs or UNSET,
            previous_hash=UNSET if self._hash is None else self._hash.hex(),
        ).hashed()
        self._hash = bytes.fromhex(str(entry.hash_sha256))
        self._new_entries.append(entry)
        return entry

    def tell(
        self,
        aggregate: str,
        name: str,
        *,
        subject: str,
        data: Mapping[str, object],
        correlation_id: str,
        run_id: str | None = None,
        action_id: str | None = None,
    ) -> None:
        """Append a CloudEvent to the workspace's stream.

        Args:
            aggregate: what it is about, e.g. ``run``.
            name: what happened to it, e.g. ``RunStarted``.
            subject: which one, e.g. ``runs/<id>``.
        """
        event = {
            "specversion": "1.0",
            "id": str(self._events + len(self._new_events) + 1),
            "source": f"/v1/workspaces/{self.workspace}",
            "type": f"com.portarium.{aggregate}.{name}",
            "subject": subject,
            "time": iso(self.now),
            "datacontenttype": "application/json",
            "tenantid": self.workspace,
            "correlationid": correlation_id,
        }
        if run_id is not None:
            event["runid"] = run_id
        if action_id is not None:
            event["actionid"] = action_id
        self._new_events.append(msgspec.json.encode({**event, "data": data}))

    async def close(self, answer: Answered | None = None) -> None:
        """Write what is new. It becomes visible, and watchers are told, when the transaction commits.

        Args:
            answer: what the command is answered, now and when it comes again.

        Raises:
            AnsweredMeanwhile: it was answered already, so nothing of this transaction may stay.
        """
        entries, events, command = self._new_entries, self._new_events, self.command
        if not entries and not events and not self._later and answer is None:
            return
        first, told = self._entries + 1, self._events + 1
        self._entries += len(entries)
        self._events += len(events)
        kept: tuple[object, ...] = _UNKEPT
        if answer is not None:
            assert command is not None
            kept = (*command.sought, command.at, command.fingerprint, answer.status, answer.location, answer.body)
        statement, more = _joined(self._later)
        row = await self.connection.fetchrow(
            statement, self.workspace, self._entries, self._hash, self.now, self._events,
            list(range(first, self._entries + 1)), [UUID(one.evidence_id) for one in entries],
            [one.category for one in entries], *(_column(entries, name) for name in _LINKS),
            [bytes.fromhex(str(one.hash_sha256)) for one in entries], [one.encoded() for one in entries],
            list(range(told, self._events + 1)), events, *kept, *more,
        )  # fmt: skip
        assert row is not None
        if not row["kept"]:
            raise AnsweredMeanwhile
        self._new_entries, self._new_events, self._later = [], [], []
        await tree.grow(self.connection, self.workspace, first - 1, self._entries)
        if self._events // SWEEP > (told - 1) // SWEEP:
            await self.connection.execute(
                "DELETE FROM runs_events WHERE workspace = $1 AND at < $2", self.workspace, self.now - RETENTION
            )


_LINKS: Final = ("run_id", "plan_id", "work_item_id", "approval_id")


def _joined(later: Sequence[tuple[str, tuple[object, ...]]]) -> tuple[str, list[object]]:
    """The statement that closes a book, with further changes in it; the values of those."""
    parts, more = [], list[object]()
    for one, values in later:
        parts.append(f"{_moved(one, by=_VALUES + len(more))}, ")
        more += values
    return f"WITH {''.join(parts)}{_CLOSE}", more


@cache
def _moved(parts: str, *, by: int) -> str:
    """The same with higher numbers of its parameters."""
    return _PLACE.sub(lambda place: f"${by + int(place[1])}", parts)


def _column(entries: list[EvidenceEntry], name: str) -> list[str | None]:
    """One link of each entry, for the table."""
    found = [UNSET if entry.links is UNSET else getattr(entry.links, name) for entry in entries]
    return [None if value is UNSET else value for value in found]
