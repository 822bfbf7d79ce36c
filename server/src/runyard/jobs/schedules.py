"""Jobs that are submitted again and again, at the times of a cron expression.

A due time is submitted under an idempotency key of its own, so any number of workers may look at once and a crash in
between repeats nothing. Times that passed while no worker ran are made up for by one job, not by all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import msgspec
from croniter import croniter

from runyard.jobs.model import Job, NewJob
from runyard.jobs.store import CHANNEL, JobStore

COLUMNS: Final = "id, cron, kind, owner, tenant, params, priority, next_at, created_at"


class ScheduleRefused(ValueError):
    """The cron expression can't be used."""

    def __init__(self, cron: str) -> None:
        super().__init__(f"{cron!r} is no cron expression; write minute, hour, day, month, weekday, e.g. '0 4 * * *'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is submitted, and when next. Cron expressions are read in UTC."""

    id: UUID
    cron: str
    kind: str
    owner: UUID
    tenant: str
    params: Mapping[str, object]
    priority: int
    next_at: datetime
    created_at: datetime


class Schedules:
    """The yard's schedules."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._database = store.database

    async def add(self, cron: str, new: NewJob) -> Schedule:
        """Submit a job like ``new`` at every time that ``cron`` names, from now on.

        Raises:
            ScheduleRefused: the expression can't be used.
        """
        if not croniter.is_valid(cron):
            raise ScheduleRefused(cron)
        now = self._store.clock()
        row = await self._database.fetchrow(
            f"WITH made AS (INSERT INTO schedules ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            f" ON CONFLICT (id) DO UPDATE SET cron = EXCLUDED.cron RETURNING {COLUMNS})"
            f" SELECT *, pg_notify('{CHANNEL}', 'schedule ' || id) FROM made",
            uuid4(), cron, new.kind, new.owner, new.tenant, new.params, new.priority, _next(cron, now), now,
        )  # fmt: skip
        assert row is not None
        return _schedule(row)

    async def remove(self, schedule: UUID) -> bool:
        """Submit nothing more; False when there is no such schedule. Jobs that were submitted go on."""
        done = await self._database.execute("DELETE FROM schedules WHERE id = $1", schedule)
        return done == "DELETE 1"

    async def of(self, tenant: str) -> list[Schedule]:
        """The schedules of a tenant, the next one first."""
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM schedules WHERE tenant = $1 ORDER BY next_at, id", tenant
        )
        return [_schedule(row) for row in rows]

    async def submit_due(self) -> list[Job]:
        """Submit what is due now, once each, and set the next times."""
        now = self._store.clock()
        rows = await self._database.fetch(f"SELECT {COLUMNS} FROM schedules WHERE next_at <= $1 ORDER BY next_at", now)
        jobs = []
        for schedule in map(_schedule, rows):
            jobs.append(await self._store.submit(_due_job(schedule)))
            await self._database.execute(
                "UPDATE schedules SET next_at = $3 WHERE id = $1 AND next_at = $2",
                schedule.id, schedule.next_at, _next(schedule.cron, now),
            )  # fmt: skip
        return jobs

    async def next_due(self) -> datetime | None:
        """When the next schedule is due; None when there are no schedules."""
        due = await self._database.fetchval("SELECT min(next_at) FROM schedules")
        assert due is None or isinstance(due, datetime)
        return due


def _due_job(schedule: Schedule) -> NewJob:
    request = msgspec.json.encode([schedule.id, schedule.next_at])
    return NewJob(
        kind=schedule.kind,
        owner=schedule.owner,
        tenant=schedule.tenant,
        params=schedule.params,
        priority=schedule.priority,
        idempotency_key=f"schedule {schedule.id} {schedule.next_at.isoformat()}",
        fingerprint=hashlib.sha256(request).digest(),
    )


def _next(cron: str, after: datetime) -> datetime:
    return croniter(cron, after).get_next(datetime)


def _schedule(row: Mapping[str, object]) -> Schedule:
    return Schedule(**{name: row[name] for name in Schedule.__dataclass_fields__})  # type: ignore[arg-type]
