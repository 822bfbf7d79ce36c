"""The book of a workspace: its evidence and its stream of events, written in the transaction of what they are about.

The only place that writes either. A workspace's head row is locked while its book is open, so entries and events have
one order, and nobody sees number n before n - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

CHANNEL: Final = "runyard_runs"
"""Notifications ``<workspace> <number of its last event>``."""

RETENTION: Final = timedelta(days=7)
"""How long the stream of events reaches back. Evidence stays."""

SWEEP: Final = 256
"""Events between two removals of old ones."""

_OPEN: Final = "SELECT entries, hash, at, events FROM runs_heads WHERE workspace = $1 FOR UPDATE"

_CLOSE: Final = f"""
    WITH entries AS (
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
    ) SELECT pg_notify('{CHANNEL}', $1 || ' ' || $5)
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Opens books."""

    clock: Clock

    async def open(self, connection: Connection, workspace: str) -> Book:
        """The workspace's book, locked to the end of the connection's transaction. Close it to have it written."""
        head = await connection.fetchrow(_OPEN, workspace)
        if head is None:
            await connection.execute("INSERT INTO runs_heads (workspace) VALUES ($1) ON CONFLICT DO NOTHING", workspace)
            head = await connection.fetchrow(_OPEN, workspace)
            assert head is not None
        now = self.clock()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return Book(
            connection=connection,
            workspace=workspace,
            now=now if head["at"] is None else max(now, head["at"]),
            _entries=head["entries"],
            _hash=head["hash"],
            _events=head["events"],
        )


@dataclass(slots=True, kw_only=True)
class Book:
    """One workspace's, open in one transaction.

    Attributes:
        now: the time of everything written: not before that of anything written earlier, to the millisecond.
    """

    connection: Connection
    workspace: str
    now: datetime
    _entries: int
    _hash: bytes | None
    _events: int
    _new_entries: list[EvidenceEntry] = field(default_factory=list)
    _new_events: list[bytes] = field(default_factory=list)

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

    async def close(self) -> None:
        """Write what is new. It becomes visible, and watchers are told, when the transaction commits."""
        entries, events = self._new_entries, self._new_events
        if not entries and not events:
            return
        first, told = self._entries + 1, self._events + 1
        self._entries += len(entries)
        self._events += len(events)
        await self.connection.execute(
            _CLOSE, self.workspace, self._entries, self._hash, self.now, self._events,
            list(range(first, self._entries + 1)), [UUID(one.evidence_id) for one in entries],
            [one.category for one in entries], *(_column(entries, name) for name in _LINKS),
            [bytes.fromhex(str(one.hash_sha256)) for one in entries], [one.encoded() for one in entries],
            list(range(told, self._events + 1)), events,
        )  # fmt: skip
        self._new_entries, self._new_events = [], []
        await tree.grow(self.connection, self.workspace, first - 1, self._entries)
        if self._events // SWEEP > (told - 1) // SWEEP:
            await self.connection.execute(
                "DELETE FROM runs_events WHERE workspace = $1 AND at < $2", self.workspace, self.now - RETENTION
            )


_LINKS: Final = ("run_id", "plan_id", "work_item_id", "approval_id")


def _column(entries: list[EvidenceEntry], name: str) -> list[str | None]:
    """One link of each entry, for the table."""
    found = [UNSET if entry.links is UNSET else getattr(entry.links, name) for entry in entries]
    return [None if value is UNSET else value for value in found]
