"""What a yard does for itself: month partitions, compaction of ended logs, retention.

Every worker runs it; an advisory lock lets one of them work at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from runyard.artifacts import ArtifactStore
from runyard.database import Connection, DatabaseUnavailable
from runyard.database.connection import GONE
from runyard.jobs.errors import JobError
from runyard.jobs.events import write_archive
from runyard.jobs.model import JOB_COLUMNS, Job, job_from_row
from runyard.jobs.queue import ENTRY_TABLE
from runyard.jobs.store import JobStore
from runyard.settings import Settings

EVERY: Final = 60.0
LOCK: Final = "SELECT {}(0x52594152, hashtext(current_schema()))"
"""One yard's maintenance: yards that share a database each have a schema."""

BATCH: Final = 200
ARCHIVE_LIMIT: Final = 64 * 1024**3

_NEEDED: Final = "EXISTS (SELECT FROM jobs AS parent WHERE parent.id = jobs.parent AND parent.ended_at IS NULL)"
"""A child is remembered, with the key it was started by, for as long as its parent may start again and ask for it."""

log = structlog.get_logger(__name__)


class Maintenance:
    """The yard's chores."""

    def __init__(self, store: JobStore, artifacts: ArtifactStore, settings: Settings) -> None:
        self._store = store
        self._database = store.database
        self._artifacts = artifacts
        self._settings = settings

    async def run(self) -> None:
        """Do every chore once a minute, for ever."""
        while True:
            try:
                await self.once()
            except (DatabaseUnavailable, *GONE, OSError) as error:
                log.warning("maintenance_postponed", error=str(error))
            except Exception:  # a chore that fails must not take the worker's jobs with it
                log.exception("maintenance_failed")
            await asyncio.sleep(EVERY)

    async def once(self) -> None:
        """Do every chore now, unless another worker is at it."""
        async with self._database.pool.acquire() as connection:
            if not await connection.fetchval(LOCK.format("pg_try_advisory_lock")):
                return
            try:
                await self.make_partitions()
                while await self.compact() == BATCH:
                    pass
                await self.remove_old_jobs()
                await self._artifacts.collect()
            finally:
                await connection.execute(LOCK.format("pg_advisory_unlock"))

    async def make_partitions(self) -> None:
        """Have a partition of the events for this month and the next; a default one catches what no month takes."""
        now = self._store.clock()
        for first in (_month(now), _month(_month(now) + timedelta(days=32))):
            after = _month(first + timedelta(days=32))
            name = f"events_{first:%Y_%m}"
            if await self._database.fetchval("SELECT to_regclass($1)", name) is None:
                await self._database.transaction(partial(_partition, name, first, after))

    async def compact(self) -> int:
        """Move the events of up to ``BATCH`` jobs that ended a while ago, and have a log, into archives.

        Return how many.
        """
        rows = await self._database.fetch(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE ended_at < $1 AND archive IS NULL AND log_bytes > 0"
            " ORDER BY ended_at LIMIT $2",
            self._store.clock() - timedelta(seconds=self._settings.compact_after), BATCH,
        )  # fmt: skip
        return sum([await self._compact(job_from_row(row)) for row in rows])

    async def _compact(self, job: Job) -> bool:
        async def content() -> AsyncIterator[bytes]:
            after = 0
            while events := await self._store.events(job.id, after):
                for record in write_archive(events):
                    yield record
                after = events[-1].seq
            if after != job.last_seq:
                raise JobError(f"job {job.id} has events up to {after}, not {job.last_seq}")

        try:
            blob = await self._artifacts.put(content(), limit=ARCHIVE_LIMIT)
        except JobError as error:
            log.error("compaction_refused", error=str(error))  # noqa: TRY400  (its trace tells nothing)
            return False

        async def work(connection: Connection) -> None:
            await self._artifacts.attach(
                job.id, ".events", blob.digest, content_type="application/x-runyard-events", connection=connection
            )
            await connection.execute("UPDATE jobs SET archive = $2 WHERE id = $1", job.id, blob.digest)
            await connection.execute("DELETE FROM events WHERE job = $1", job.id)

        await self._database.transaction(work)
        return True

    async def remove_old_jobs(self) -> int:
        """Remove jobs past their retention with all that hangs on them, and partitions that are empty.

        Return how many jobs.
        """
        oldest = self._store.clock() - timedelta(days=self._settings.event_retention_days)

        async def work(connection: Connection) -> list[UUID]:
            rows = await connection.fetch(
                f"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at < $1 AND NOT {_NEEDED}"
                " ORDER BY ended_at LIMIT 1000) RETURNING id",
                oldest,
            )
            return [row["id"] for row in rows]

        removed = await self._database.transaction(work)
        partitions = await self._database.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
        for row in partitions:
            name = str(row["name"])
            if name < f"events_{_month(oldest):%Y_%m}" and not await self._holds_live_events(name):
                await self._database.execute(f"DROP TABLE IF EXISTS {name}")
        await self._database.execute(
            "DELETE FROM idempotency USING jobs WHERE jobs.id = idempotency.job AND idempotency.created_at < $1"
            f" AND NOT {_NEEDED}",
            self._store.clock() - timedelta(hours=self._settings.idempotency_hours),
        )
        await self._database.execute(f"DELETE FROM {ENTRY_TABLE}_log WHERE created < $1", oldest)
        return len(removed)

    async def _holds_live_events(self, partition: str) -> bool:
        found = await self._database.fetchval(
            f"SELECT EXISTS (SELECT FROM {partition} AS event JOIN jobs ON jobs.id = event.job)"
        )
        return bool(found)


async def _partition(name: str, start: datetime, end: datetime, connection: Connection) -> None:
    """Cut a month out of the default partition, with the events that are already in it."""
    await connection.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
        return
    await connection.execute(f"CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS INCLUDING STORAGE)")
    await connection.execute(
        f"WITH moved AS (DELETE FROM events_rest WHERE at >= $1 AND at < $2 RETURNING *)"
        f" INSERT INTO {name} SELECT * FROM moved",
        start, end,
    )  # fmt: skip
    await connection.execute(
        f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )


def _month(day: datetime) -> datetime:
    return datetime(day.year, day.month, 1, tzinfo=UTC)
