"""The yard's chores: partitions, archives, retention; done by one worker at a time, and by nobody's death undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from runyard.clock import utc_now
from runyard.jobs import JobNotFound, Maintenance, State
from runyard.jobs import maintenance as module
from runyard.testing.running import fresh_yard
from runyard.yard import Yard

from .conftest import Bench


class Clock:
    """A clock that the test turns forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture(scope="module")
async def own_yard(yard_database: str) -> AsyncIterator[Yard]:
    """A yard in a schema of its own: its past is not that of the other tests."""
    async with fresh_yard(yard_database, compact_after=60.0, event_retention_days=90) as opened:
        yield opened


@pytest.fixture
def clock(own_yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(own_yard.jobs, "clock", clock)
    monkeypatch.setattr(own_yard.artifacts, "_clock", clock)
    return clock


@pytest.fixture
def own(own_yard: Yard, clock: Clock) -> Bench:
    return Bench(own_yard)


@pytest.fixture
def maintenance(own: Bench) -> Maintenance:
    return Maintenance(own.yard.jobs, own.yard.artifacts, own.yard.settings)


async def test_a_log_is_archived_some_time_after_its_end(own: Bench, maintenance: Maintenance, clock: Clock) -> None:
    job = await own.started()
    await own.append(job, 0, b"line\n")
    await own.yard.jobs.finish(job, State.SUCCEEDED)
    silent, open_ = await own.started(), await own.started()
    await own.yard.jobs.finish(silent, State.SUCCEEDED)
    await own.append(open_, 0, b"still here\n")
    assert await maintenance.compact() == 0
    clock.ahead = timedelta(seconds=61)
    assert await maintenance.compact() == 1
    assert await maintenance.compact() == 0
    now = await own.get(job)
    assert now.archive is not None
    assert await own.log(now) == b"line\n"
    assert [file.name for file in await own.yard.artifacts.list(job.id)] == [".events"]
    assert (await own.get(silent)).archive is (await own.get(open_)).archive is None


async def test_all_chores_are_done_in_one_go_however_many_wait(
    own: Bench, maintenance: Maintenance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    jobs = [await own.started() for _ in range(8)]
    for job in jobs:
        await own.append(job, 0, b"x")
        await own.yard.jobs.finish(job, State.SUCCEEDED)
    clock.ahead = timedelta(seconds=61)
    await maintenance.once()
    assert all([(await own.get(job)).archive for job in jobs])


async def test_one_worker_at_a_time(own: Bench, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    compact = maintenance.compact

    async def counted() -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        done = await compact()
        inside -= 1
        return done

    monkeypatch.setattr(maintenance, "compact", counted)
    await asyncio.gather(*(maintenance.once() for _ in range(5)))
    assert most == 1


async def test_a_log_with_a_hole_is_left_as_it_is(own: Bench, maintenance: Maintenance, clock: Clock) -> None:
    """Invariant 2: what can't be explained is not compacted away."""
    job = await own.started()
    await own.append(job, 0, b"x")
    await own.yard.jobs.finish(job, State.SUCCEEDED)
    await own.yard.database.execute("DELETE FROM events WHERE job = $1 AND seq = 4", job.id)
    clock.ahead = timedelta(seconds=61)
    assert await maintenance.compact() == 0
    assert [event.seq for event in await own.yard.jobs.events(job.id, 0)] == [1, 2, 3]


async def test_every_month_has_a_partition_with_the_events_that_came_before_it(
    own: Bench, maintenance: Maintenance, clock: Clock
) -> None:
    clock.ahead = timedelta(days=800)
    job = await own.submit()
    month = f"events_{clock():%Y_%m}"
    where = "SELECT tableoid::regclass::text FROM events WHERE job = $1"
    assert await own.yard.database.fetchval(where, job.id) == "events_rest"
    await maintenance.make_partitions()
    await maintenance.make_partitions()
    assert await own.yard.database.fetchval(where, job.id) == month
    assert await own.states(job) == ["queued"]


async def test_old_jobs_go_with_all_that_hangs_on_them(own: Bench, maintenance: Maintenance, clock: Clock) -> None:
    await maintenance.make_partitions()
    old, open_ = await own.started(idempotency_key="k", fingerprint=b"f"), await own.started()
    await own.append(old, 0, b"x")
    await own.yard.jobs.finish(old, State.SUCCEEDED)
    month = f"events_{clock():%Y_%m}"
    clock.ahead = timedelta(days=200)
    new = await own.submit()
    await maintenance.remove_old_jobs()
    with pytest.raises(JobNotFound):
        await own.get(old)
    assert await own.states(open_) == ["queued", "running"]
    assert await own.states(new) == ["queued"]
    assert (
        await own.yard.database.fetchval("SELECT to_regclass($1)::text", month) == month
    )  # it holds events of an open job
    assert (await own.submit(idempotency_key="k", fingerprint=b"other")).id != old.id


async def test_an_idempotency_key_is_forgotten_after_a_day(own: Bench, maintenance: Maintenance, clock: Clock) -> None:
    """Invariant 3, for as long as the settings say."""
    job = await own.submit(idempotency_key="k", fingerprint=b"f")
    clock.ahead = timedelta(hours=23)
    await maintenance.remove_old_jobs()
    assert (await own.submit(idempotency_key="k", fingerprint=b"f")).id == job.id
    clock.ahead = timedelta(hours=25)
    await maintenance.remove_old_jobs()
    assert (await own.submit(idempotency_key="k", fingerprint=b"f")).id != job.id


async def test_a_parent_that_waits_for_months_finds_the_children_it_started(
    own: Bench, maintenance: Maintenance, clock: Clock
) -> None:
    """Invariant 1: the same key gives the same child, however often and however late the executor starts."""
    parent = await own.started()
    options = {"parent": parent.id, "idempotency_key": "c", "fingerprint": b"f"}
    child = await own.submit(**options)
    await own.yard.jobs.finish(await own.claim(child), State.SUCCEEDED, result={"n": 1})
    await own.yard.jobs.suspend(parent, "message", checkpoint=None)
    clock.ahead = timedelta(days=400)
    await maintenance.remove_old_jobs()
    assert (await own.submit(**options)).result == {"n": 1}
    await own.yard.jobs.cancel(parent.id)
    await maintenance.remove_old_jobs()
    with pytest.raises(JobNotFound):
        await own.get(child)


async def test_a_chore_that_fails_does_not_end_the_worker(own: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 1: a full disk or a slip in a chore must not take running jobs with it."""
    failed = asyncio.Event()

    async def fails(*_: object) -> int:
        failed.set()
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(Maintenance, "compact", fails)

    async def run(ctx):
        await failed.wait()

    async with own.working(run):
        assert (await own.ended(await own.submit())).state is State.SUCCEEDED
