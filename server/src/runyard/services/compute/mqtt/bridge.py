"""The event log told over MQTT. One API process publishes; the others stand by and take over."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

import msgspec
import structlog

from runyard.database import DatabaseUnavailable
from runyard.jobs import Job
from runyard.jobs.store import CHANNEL
from runyard.services.compute.mqtt.access import EVENTS, USERS, SharedEvents
from runyard.services.compute.mqtt.connection import Link
from runyard.services.compute.mqtt.steps import Told, payload, untold
from runyard.services.compute.words import PREFIX, channel, milliseconds, status, user_number
from runyard.yard import Yard

STAND_BY: Final = 2.0
"""Seconds between two tries to take over."""

PAUSE: Final = 0.2
"""Seconds before going on after the database or the broker failed."""

LOOK_BACK: Final = timedelta(seconds=5)
"""How much earlier than the cursor the past is looked at: clocks differ, and commits take their time."""

HEARING: Final = timedelta(seconds=1)
"""How long after its submit, at the latest, the end of a job is told that has no channel. Whoever submits without one
listens for the job when they have its id and its record, and nobody tells them what they have missed. Less than
:data:`LOOK_BACK`.
"""

READ: Final = timedelta(seconds=0.25)
"""How long after somebody has read its record: programs that listen for a job do so next."""

CURSOR_EVERY: Final = 1.0
BATCH: Final = 100
"""Jobs read and told at once."""

REMEMBERED: Final = 1000
"""Ended jobs whose end isn't told a second time when the past is looked at again."""

log = structlog.get_logger(__name__)


class Bridge:
    """Publishes every change of every media job at least once, and each job's changes in order.

    What isn't told yet is never kept here alone: it follows from the jobs table, the cursor (everything that ended
    before it has been told) and what this process remembers to have told.

    Args:
        shared_events: whose jobs are told on the topic of all.
        waiting_for: what a queued job waits for, when no worker can take it.
    """

    def __init__(
        self,
        yard: Yard,
        connection: Link,
        *,
        shared_events: SharedEvents,
        waiting_for: Callable[[Job], str | None] = lambda _job: None,
    ) -> None:
        self._yard = yard
        self._connection = connection
        self._shared_events = shared_events
        self._waiting_for = waiting_for
        self._lock = _lock(yard.settings.database_schema)
        self._told: dict[UUID, Told] = {}
        self._ended: deque[UUID] = deque()
        self._read: dict[UUID, datetime] = {}
        self._changed: dict[UUID, None] = {}
        self._news = asyncio.Event()
        self._behind = True
        self._deposed = False
        self._unsaved: datetime | None = None
        self.publishing = asyncio.Event()
        """Set while this process is the one that publishes."""

    async def run(self) -> None:
        """Publish whenever it is this process's turn, until cancelled."""
        await self._yard.signals.listen(CHANNEL, self._heard)
        self._yard.signals.on_gap(self._missed)
        try:
            while True:
                await self._connection.connected.wait()
                await self._take_turn()
        finally:
            self._yard.signals.unlisten(CHANNEL, self._heard)

    async def _take_turn(self) -> None:
        """Publish if no other process does, until something breaks; then, or else, wait a little."""
        self._deposed = False
        if not await self._yard.signals.try_lock(self._lock):
            await asyncio.sleep(STAND_BY)
            return
        try:
            await self._publish_news()
        except DatabaseUnavailable as error:
            log.warning("mqtt_bridge_waits", error=str(error))
        except Exception:  # nobody else would tell of the jobs
            log.exception("mqtt_bridge_failed")
        finally:
            self.publishing.clear()
            await self._yard.signals.unlock(self._lock)
        await asyncio.sleep(PAUSE)

    # ---------------------------------------------------------------- hearing of changes

    def _heard(self, notification: str) -> None:
        word, job, *rest = notification.split(" ")
        removed = word == "cancel"  # perhaps
        if self.publishing.is_set() and (removed or (word == "event" and rest[1].startswith(PREFIX))):
            self._changed[UUID(job)] = None
            self._news.set()

    def _missed(self) -> None:
        """The database's connection broke: with it went the lock, and perhaps news."""
        self._deposed = True
        self._news.set()

    # ---------------------------------------------------------------- telling them

    async def _publish_news(self) -> None:
        """Tell what is new, until the broker or the lock is lost."""
        log.info("mqtt_publishing", shared_events=self._shared_events)
        self._behind = True
        self._changed.clear()
        self.publishing.set()
        now, save_at = asyncio.get_running_loop().time, 0.0
        while not self._deposed:
            self._news.clear()
            if not await self._round():
                return
            if now() >= save_at:
                await self._save_cursor()
                save_at = now() + CURSOR_EVERY
            if not self._changed:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(None if self._unsaved is None else save_at):
                        await self._news.wait()

    async def _round(self) -> bool:
        """Tell what has changed of some jobs; False if the broker doesn't take it."""
        started = self._yard.clock()
        if self._behind:
            await self._look_back()
            self._behind = False
        jobs = list(self._changed)[:BATCH]
        for job in jobs:
            del self._changed[job]
        found = {job.id: job for job in await self._yard.jobs.get_many(jobs)} if jobs else {}
        for gone in set(jobs) - set(found):
            self._told.pop(gone, None)
            self._read.pop(gone, None)
        ours = [found[job] for job in jobs if job in found and found[job].kind.startswith(PREFIX)]
        if not await self._tell([job for job in ours if not self._held_back(job)]):
            return False
        if not self._changed:
            self._unsaved = started
        return True

    def read(self, job: Job) -> None:
        """Somebody was given this job's record."""
        young = self._yard.clock() - job.created_at < HEARING
        if young and job.params.get("channel") is None and self.publishing.is_set():
            self._read.setdefault(job.id, self._yard.clock() + READ)
            self._later(READ, job.id)

    def _held_back(self, job: Job) -> bool:
        """Whether it is too early to tell of this job; it will be looked at again in time."""
        if not job.state.ended or job.params.get("channel") is not None:
            return False
        now, latest = self._yard.clock(), job.created_at + HEARING
        due = min(latest, self._read.get(job.id, latest))
        if not now < due <= now + HEARING:
            self._read.pop(job.id, None)
            return False
        self._later(due - now, job.id)
        return True

    def _later(self, delay: timedelta, job: UUID) -> None:
        asyncio.get_running_loop().call_later(delay.total_seconds(), self._look_again, job)

    def _look_again(self, job: UUID) -> None:
        if self.publishing.is_set():
            self._changed[job] = None
            self._news.set()

    async def _look_back(self) -> None:
        """Count as changed whatever may have changed unheard."""
        self._changed.update(dict.fromkeys(job for job, told in self._told.items() if not told.ended))
        self._changed.update(dict.fromkeys(await self._yard.jobs.unsettled(PREFIX, since=await self._since())))

    async def _tell(self, jobs: Collection[Job]) -> bool:
        """Publish what is new in these snapshots, all at once, each job's in order."""
        messages = [(job.id, topic, body) for job in jobs for topic, body in self._news_of(job)]
        taken = await asyncio.gather(*(self._connection.publish(topic, body) for _, topic, body in messages))
        failed = {job for (job, _, _), success in zip(messages, taken, strict=True) if not success}
        for job in jobs:
            if job.id not in failed:
                self._remember(job)
        return not failed

    def _news_of(self, job: Job) -> list[tuple[str, bytes]]:
        try:
            return [message for step in untold(job, self._told.get(job.id)) for message in self._messages(step)]
        except Exception:  # an odd job must not silence the others
            log.exception("job_not_told", job=str(job.id), kind=job.kind)
            return []

    def _messages(self, job: Job) -> Iterable[tuple[str, bytes]]:
        user = user_number(job)
        waiting_for = self._waiting_for(job) if status(job) == "queued" else None
        yield f"{USERS}/{user}/{channel(job)}/{job.id}", payload(job, waiting_for=waiting_for)
        if self._shared_events == "all" or (self._shared_events == "guests" and user == 0):
            yield (
                EVENTS,
                msgspec.json.encode(
                    {
                        "job_id": str(job.id),
                        "event_type": status(job),
                        "timestamp": milliseconds(self._yard.clock()),
                        "progress": job.progress,
                        "seq": job.last_seq,
                    }
                ),
            )

    def _remember(self, job: Job) -> None:
        known = self._told.get(job.id)
        self._told[job.id] = Told.of(job)
        if job.state.ended and not (known is not None and known.ended):
            self._ended.append(job.id)
            if len(self._ended) > REMEMBERED:
                self._told.pop(self._ended.popleft(), None)

    # ---------------------------------------------------------------- the cursor

    async def _since(self) -> datetime:
        database, now = self._yard.database, self._yard.clock()
        await database.execute("INSERT INTO mqtt_cursor (ended_until) VALUES ($1) ON CONFLICT DO NOTHING", now)
        until = cast("datetime", await database.fetchval("SELECT ended_until FROM mqtt_cursor"))
        return until - LOOK_BACK

    async def _save_cursor(self) -> None:
        until, self._unsaved = self._unsaved, None
        if until is not None:
            await self._yard.database.execute("UPDATE mqtt_cursor SET ended_until = $1 WHERE ended_until < $1", until)


def _lock(schema: str) -> int:
    """Advisory lock of the process that publishes. Locks belong to a database, which several yards may share."""
    return int.from_bytes(hashlib.sha256(f"mqtt\0{schema}".encode()).digest()[:8], "big", signed=True)
