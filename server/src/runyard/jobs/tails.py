"""Reading a job's events by cursor, live: one tail per job and process, shared by all who watch.

Readers pull. A reader that is slow or comes late reads old events by itself and costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from runyard.artifacts import ArtifactStore
from runyard.database import DatabaseUnavailable, Signals
from runyard.jobs.errors import EventsExpired, JobNotFound
from runyard.jobs.events import ArchiveReader
from runyard.jobs.model import Event, Job
from runyard.jobs.store import CHANNEL, PAGE, JobStore
from runyard.sizes import MIB

WINDOW_BYTES: Final = 1 * MIB
"""Recent events a tail keeps for watchers that are almost up to date."""


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


class _Tail:
    """The newest events of one job: read once, seen by all its watchers."""

    def __init__(self, store: JobStore, job: UUID, after: int) -> None:
        self._store = store
        self._job = job
        self._window: deque[Event] = deque()
        self._bytes = 0
        self._start = after  # events up to this number are not in the window
        self._newest = after
        self._hinted = after
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.watchers = 0
        self.over = False
        """Whether the log has ended, so that what this tail doesn't have is read from where ended logs are kept."""

        self.look()

    def since(self, after: int) -> Sequence[Event] | None:
        """Events after ``after``, or None when the window doesn't reach back that far."""
        if after < self._start:
            return None
        if after >= self._newest:
            return []
        return [event for event in self._window if event.seq > after]

    async def news(self, after: int, idle: float) -> bool:
        """Wait until there is an event after ``after``; False after ``idle`` seconds without one."""
        if self._newest > after or self.over:
            return True
        news = self._news
        try:
            async with asyncio.timeout(idle):
                await news.wait()
        except TimeoutError:
            self.look()  # in case a notification was lost
            return False
        return True

    def hint(self, seq: int) -> None:
        """Somebody says that event ``seq`` exists."""
        if seq > self._newest:
            # A look that is under way has hinted at this very number, and may be too old to have found it.
            self._hinted = max(self._hinted + 1, seq)
            self._read()

    def look(self) -> None:
        """Look into the log without having been told anything."""
        self._hinted = max(self._hinted, self._newest) + 1  # a reading that is under way is too old to count
        self._read()

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def _read(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._catch_up(), name=f"tail {self._job}")

    async def _catch_up(self) -> None:
        with suppress(DatabaseUnavailable):  # the next hint or look tries again
            await self._read_news()

    async def _read_news(self) -> None:
        while self._hinted > self._newest:
            hinted = self._hinted
            events = await self._store.events(self._job, self._newest)
            for event in events:
                self._window.append(event)
                self._bytes += len(event.body)
                self._newest = event.seq
            while self._bytes > WINDOW_BYTES and len(self._window) > 1:
                gone = self._window.popleft()
                self._bytes -= len(gone.body)
                self._start = gone.seq
            if not events and await self._is_ahead_of_the_log():
                continue
            self.tell()
            if len(events) == PAGE:  # there may be more than anybody has spoken of
                self._hinted = max(self._hinted, self._newest + 1)
            elif hinted == self._hinted:
                self._hinted = self._newest
                return

    async def _is_ahead_of_the_log(self) -> bool:
        """See whether the log has ended; step back if whoever opened this tail named an event that doesn't exist."""
        try:
            job = await self._store.get(self._job)
        except JobNotFound:
            self.over = True
            return False
        self.over = job.state.ended
        if self._newest <= job.last_seq:
            return False
        self._start = self._newest = job.last_seq
        return True

    def tell(self) -> None:
        """Wake every watcher."""
        news, self._news = self._news, asyncio.Event()
        news.set()
