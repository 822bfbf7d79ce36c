"""Reading a job's events by cursor, live: one tail per job and process, shared by all who watch.

Readers pull. A reader that is slow or comes late reads old events by itself and costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from uuid import UUID

from runyard.artifacts import ArtifactStore
from runyard.database import Signals, Tail
from runyard.jobs.errors import EventsExpired, JobNotFound
from runyard.jobs.events import ArchiveReader
from runyard.jobs.model import Event, Job
from runyard.jobs.store import CHANNEL, PAGE, JobStore


class Tails:
    """The process's tails. Start it once; then :meth:`follow` any job."""

    def __init__(self, store: JobStore, artifacts: ArtifactStore, signals: Signals) -> None:
        self._store = store
        self._artifacts = artifacts
        self._signals = signals
        self._tails: dict[UUID, _Tail] = {}
        self.closing = asyncio.Event()

    async def start(self) -> None:
        """Listen for news of every job."""
        await self._signals.listen(CHANNEL, self._heard)
        self._signals.on_gap(self._look_everywhere)

    def close(self) -> None:
        """Tell every follower that this process is going away; each ends without a terminal event."""
        self.closing.set()
        for tail in self._tails.values():
            tail.tell()

    @property
    def watched(self) -> int:
        """How many jobs are being followed here."""
        return len(self._tails)

    async def follow(self, job: UUID, after: int, *, idle: float) -> AsyncGenerator[Event | None]:
        """Yield the events after number ``after`` as they come, until the one that ends the job.

        Yields None when nothing came for ``idle`` seconds, so that the caller can send a heartbeat. Ends without a
        terminal event when the process is closing: the reader goes on elsewhere, from its cursor.

        Raises:
            JobNotFound: there is no such job, or it is past its retention.
            EventsExpired: retention has removed the events asked for.
        """
        tail = self._join(job, after)
        try:
            while True:
                events = tail.since(after)
                if events is None or (tail.over and not events):
                    found = await self._store.get(job)
                    async for event in self.events(found, after):
                        yield event
                        after = event.seq
                    if found.state.ended:
                        return
                    continue
                for event in events:
                    yield event
                    after = event.seq
                    if event.ends_job:
                        return
                if events:
                    continue
                quiet = not self.closing.is_set() and not await tail.news(after, idle)
                if self.closing.is_set():
                    return
                if quiet:
                    yield None
        finally:
            self._leave(job, tail)

    def _join(self, job: UUID, after: int) -> _Tail:
        tail = self._tails.get(job)
        if tail is None:
            tail = self._tails[job] = _Tail(self._store, job, after)
        tail.watchers += 1
        return tail

    def _leave(self, job: UUID, tail: _Tail) -> None:
        tail.watchers -= 1
        if not tail.watchers:
            del self._tails[job]
            tail.stop()

    async def events(self, job: Job, after: int) -> AsyncIterator[Event]:
        """Yield the events that exist now, in order, from wherever they are kept."""
        while True:
            events = await self._store.events(job.id, after)
            if not events or events[0].seq != after + 1:
                if after < job.last_seq:
                    async for event in self._archived(await self._store.get(job.id), after):
                        yield event
                return
            for event in events:
                yield event
            after = events[-1].seq

    async def _archived(self, job: Job, after: int) -> AsyncIterator[Event]:
        if job.archive is None:
            if after >= job.last_seq:
                return
            raise EventsExpired(job.id)
        reader = ArchiveReader()
        async for piece in self._artifacts.read(job.archive):
            for event in reader.feed(piece):
                if event.seq > after:
                    yield event

    def _heard(self, payload: str) -> None:
        word, job, *rest = payload.split(" ")
        if word == "event" and (tail := self._tails.get(UUID(job))) is not None:
            tail.hint(int(rest[0]))

    def _look_everywhere(self) -> None:
        for tail in self._tails.values():
            tail.look()


class _Tail(Tail[Event]):
    """One job's."""

    page = PAGE

    def __init__(self, store: JobStore, job: UUID, after: int) -> None:
        super().__init__(after, name=f"tail {job}")
        self._store = store
        self._job = job

    async def read(self, after: int) -> Sequence[Event]:
        return await self._store.events(self._job, after)

    def size_of(self, event: Event) -> int:
        return len(event.body)

    async def found_nothing(self) -> bool:
        """See whether the log has ended; step back if whoever opened this tail named an event that doesn't exist."""
        try:
            job = await self._store.get(self._job)
        except JobNotFound:
            self.over = True
            return False
        self.over = job.state.ended
        if self._newest <= job.last_seq:
            return False
        self.start = self._newest = job.last_seq
        return True
