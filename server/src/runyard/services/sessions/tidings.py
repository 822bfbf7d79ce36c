"""What became known of sessions since they were asked for: their commits, notes and usage, and whom they wait for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import UUID

import msgspec

from runyard.jobs import EventsExpired, Job
from runyard.jobs.events import unpack
from runyard.services.sessions.words import Tells
from runyard.yard import Yard

MOST_NOTES: Final = 20
"""Notes of one session that are shown with it. All of them are among its events."""

REMEMBERED: Final = 10_000
"""Ended sessions whose tidings are kept at hand."""

AT_ONCE: Final = 4
"""Archives read at a time."""

_OF_INTEREST: Final = frozenset({Tells.REPO, Tells.NOTE, Tells.WAITS, Tells.USAGE})

_SELECT: Final = """
    SELECT job, seq, type, body FROM events
    WHERE job = ANY($1::uuid[]) AND type IN ('repo', 'note', 'waits')
    UNION ALL (
        SELECT DISTINCT ON (job) job, seq, type, body FROM events
        WHERE job = ANY($1::uuid[]) AND type = 'usage' ORDER BY job, seq DESC
    ) ORDER BY job, seq
"""


@dataclass(slots=True)
class Tidings:
    """Of one session.

    Attributes:
        repositories: what the last event of each said, by name.
        waiting: ``message`` or ``approval``, the last time it waited.
    """

    usage: Mapping[str, object] | None = None
    repositories: dict[str, Mapping[str, object]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    waiting: str | None = None

    def hear(self, kind: str, data: Mapping[str, object]) -> None:
        """Learn from an event."""
        match kind:
            case Tells.REPO:
                self.repositories[str(data["name"])] = data
            case Tells.NOTE:
                if len(self.notes) < MOST_NOTES:
                    self.notes.append(str(data["content"]))
            case Tells.USAGE:
                self.usage = data
            case Tells.WAITS:
                self.waiting = cast("str | None", data["for"])


class Ledger:
    """Looks tidings up, in the database or in the archive of a session that ended long ago.

    Those of ended sessions are remembered: nothing becomes known of them any more.
    """

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._known: OrderedDict[UUID, Tidings] = OrderedDict()
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def of(self, job: Job) -> Tidings:
        """Those of one session."""
        return (await self.of_each([job]))[job.id]

    async def of_each(self, jobs: Sequence[Job]) -> Mapping[UUID, Tidings]:
        """Those of each of these sessions."""
        found = {job.id: known for job in jobs if (known := self._known.get(job.id)) is not None}
        new = [job for job in jobs if job.id not in found]
        found |= await self._recent([job for job in new if job.archive is None])
        old = [job for job in new if job.id not in found]
        found |= zip((job.id for job in old), await asyncio.gather(*map(self._archived, old)), strict=True)
        for job in new:
            if job.state.ended:
                self._remember(job.id, found[job.id])
        return found

    async def _recent(self, jobs: Sequence[Job]) -> dict[UUID, Tidings]:
        """From the database; of a session that was archived meanwhile, none."""
        if not jobs:
            return {}
        found = {job.id: Tidings() for job in jobs}
        for row in await self._yard.database.fetch(_SELECT, list(found)):
            found[row["job"]].hear(row["type"], msgspec.json.decode(unpack(row["body"])))
        if ended := [job.id for job in jobs if job.state.ended]:
            for job in await self._yard.jobs.get_many(ended):
                if job.archive is not None:
                    del found[job.id]
        return found

    async def _archived(self, job: Job) -> Tidings:
        found = Tidings()
        async with self._reading:
            with suppress(EventsExpired):
                async for event in self._yard.tails.events(job, 0):
                    if event.type in _OF_INTEREST:
                        found.hear(event.type, event.data)
        return found

    def _remember(self, session: UUID, tidings: Tidings) -> None:
        self._known[session] = tidings
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
