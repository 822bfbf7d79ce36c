"""Schedules: due times become jobs, once each, whoever looks and however often."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from runyard.jobs import JobStore, NewJob, PgQueue, ScheduleRefused, Schedules
from runyard.yard import Yard

from .conftest import DEADLINE, Bench


class Clock:
    """A present that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(parts: Yard) -> Clock:
    return Clock(parts.clock().replace(hour=3, minute=30, second=0, microsecond=0))


@pytest.fixture
def schedules(parts: Yard, clock: Clock) -> Schedules:
    return Schedules(JobStore(parts.database, PgQueue(), clock=clock, max_attempts=3))


async def due_of(schedules: Schedules, new: NewJob) -> list[object]:
    return [job.id for job in await schedules.submit_due() if job.kind == new.kind]


async def test_a_due_time_is_submitted_once(schedules: Schedules, clock: Clock, bench: Bench) -> None:
    new = bench.new(params={"why": "nightly"}, priority=2)
    added = await schedules.add("0 4 * * *", new)
    assert added.next_at == clock.now + timedelta(minutes=30)
    assert await due_of(schedules, new) == []
    clock.now += timedelta(minutes=31)
    found = await asyncio.gather(*(due_of(schedules, new) for _ in range(5)))
    assert len({job for jobs in found for job in jobs}) == 1
    assert await due_of(schedules, new) == []
    (job,) = await bench.yard.jobs.list(kinds=[new.kind])
    assert (job.owner, job.tenant, job.params, job.priority) == (new.owner, new.tenant, {"why": "nightly"}, 2)
    (kept,) = await schedules.of(new.tenant)
    assert kept.next_at == added.next_at + timedelta(days=1)
    assert await schedules.remove(kept.id)
    assert not await schedules.remove(kept.id)


async def test_times_that_were_missed_are_made_up_for_once(schedules: Schedules, clock: Clock, bench: Bench) -> None:
    new = bench.new()
    added = await schedules.add("*/5 * * * *", new)
    clock.now += timedelta(hours=7)
    assert len(await due_of(schedules, new)) == 1
    assert await due_of(schedules, new) == []
    (kept,) = await schedules.of(new.tenant)
    assert kept.next_at == clock.now + timedelta(minutes=5)
    assert await schedules.remove(added.id)


async def test_a_crash_between_submit_and_the_next_time_repeats_nothing(
    schedules: Schedules, clock: Clock, bench: Bench
) -> None:
    new = bench.new()
    added = await schedules.add("0 4 * * *", new)
    clock.now += timedelta(minutes=31)
    (first,) = await due_of(schedules, new)
    await bench.yard.database.execute("UPDATE schedules SET next_at = $2 WHERE id = $1", added.id, added.next_at)
    assert await due_of(schedules, new) == [first]
    assert await schedules.remove(added.id)


async def test_a_worker_submits_what_is_due(bench: Bench) -> None:
    """The word of a new schedule reaches the worker; a due one runs at once."""
    done = asyncio.Event()

    async def run(_ctx: object) -> None:
        done.set()

    async with bench.working(run):
        added = await bench.yard.schedules.add("0 4 * * *", bench.new())
        await bench.yard.database.execute(
            "UPDATE schedules SET next_at = $2 WHERE id = $1", added.id, bench.yard.clock() - timedelta(seconds=1)
        )
        await bench.yard.database.execute("SELECT pg_notify('runyard', $1)", f"schedule {added.id}")
        await asyncio.wait_for(done.wait(), DEADLINE)
    assert await bench.yard.schedules.remove(added.id)


@pytest.mark.parametrize("cron", ["", "every day", "61 * * * *", "* * * *"])
async def test_an_expression_that_is_none_is_refused(schedules: Schedules, bench: Bench, cron: str) -> None:
    with pytest.raises(ScheduleRefused, match="no cron expression"):
        await schedules.add(cron, bench.new())
