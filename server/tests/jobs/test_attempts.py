"""Claims, attempts and their fence: who may write to a job, and what becomes of one that was lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from runyard.jobs import AttemptLost, State

from .conftest import Bench


async def test_a_claim_starts_the_job_with_the_next_attempt(bench: Bench) -> None:
    job = await bench.started()
    assert (job.state, job.attempt, job.losses) == (State.RUNNING, 1, 0)
    assert job.started_at is not None
    assert [event.data for event in await bench.events(job)] == [
        {"state": "queued"},
        {"state": "running", "attempt": 1},
    ]


async def test_a_leftover_entry_starts_nothing(bench: Bench) -> None:
    job = await bench.submit()
    old = await bench.entry(job)
    await bench.yard.jobs.requeue(await bench.claim(job))
    assert await bench.yard.jobs.claim(job.id, old) is None
    assert (await bench.get(job)).state is State.QUEUED
    assert (await bench.claim(job)).attempt == 2


async def test_of_many_workers_that_drew_one_entry_each_attempt_has_one(bench: Bench) -> None:
    """Invariant 1: claims of the same entry are one after the other, and each but the last is fenced off."""
    job = await bench.submit()
    entry = await bench.entry(job)
    claims = await asyncio.gather(*(bench.yard.jobs.claim(job.id, entry) for _ in range(3)))
    assert sorted(claim.attempt for claim in claims if claim is not None) == [1, 2, 3]
    live = max((claim for claim in claims if claim is not None), key=lambda claim: claim.attempt)
    for claim in claims:
        if claim is not live:
            with pytest.raises(AttemptLost):
                await bench.append(claim, 0, b"zombie")
    await bench.append(live, 0, b"live")
    assert await bench.log(job) == b"live"


async def test_a_job_that_lost_its_workers_too_often_fails(bench: Bench) -> None:
    """Invariant 1: at most ``max_attempts`` starts."""
    job = await bench.submit()
    for attempt in range(1, job.max_attempts + 1):
        assert (await bench.claim(job)).attempt == attempt
    assert await bench.yard.jobs.claim(job.id, await bench.entry(job)) is None
    now = await bench.ended(job)
    assert (now.state, now.error_code, now.attempt) == (State.FAILED, "worker_lost", job.max_attempts)


async def test_an_entry_of_an_ended_job_starts_nothing(bench: Bench) -> None:
    job = await bench.submit()
    entry = await bench.entry(job)
    await bench.yard.jobs.finish(await bench.claim(job), State.SUCCEEDED)
    assert await bench.yard.jobs.claim(job.id, entry) is None


async def test_the_entry_of_a_job_to_be_cancelled_ends_it(bench: Bench) -> None:
    """The worker that was told to stop it may be gone; whoever draws the entry ends the job."""
    job = await bench.started()
    assert (await bench.yard.jobs.cancel(job.id)).state is State.RUNNING
    assert await bench.yard.jobs.claim(job.id, await bench.entry(job)) is None
    assert (await bench.ended(job)).state is State.CANCELLED


async def test_a_repeated_append_is_written_once(bench: Bench) -> None:
    """Invariant 2: a writer that doesn't know whether a batch was committed sends it again."""
    job = await bench.started()
    first = await bench.append(job, 0, b"one\n", b"two\n")
    assert await bench.append(job, 0, b"one\n", b"two\n") == first
    await bench.append(job, 1, b"three\n")
    assert await bench.log(job) == b"one\ntwo\nthree\n"
    assert (await bench.get(job)).log_bytes == 14


async def test_a_zombie_writes_nothing(bench: Bench) -> None:
    """Invariant 1: after a newer attempt has started, nothing of an older one reaches the job."""
    zombie = await bench.started()
    live = await bench.claim(zombie)
    store = bench.yard.jobs
    for act in (
        bench.append(zombie, 0, b"boo"),
        store.checkpoint(zombie, "boo"),
        store.requeue(zombie),
        store.suspend(zombie, "children", checkpoint=None),
        store.finish(zombie, State.SUCCEEDED),
        store.finish(zombie, State.FAILED, error={"code": "x", "message": "y"}),
    ):
        with pytest.raises(AttemptLost):
            await act
    await store.finish(live, State.SUCCEEDED, result={"by": "the live one"})
    now = await bench.ended(live)
    assert (now.result, now.checkpoint, await bench.log(now)) == ({"by": "the live one"}, None, b"")


async def test_an_attempt_that_gave_the_job_back_can_not_end_it(bench: Bench) -> None:
    """Invariant 1: the number of the attempt hasn't changed yet, but the job is no longer its."""
    for give_back in ("requeue", "suspend"):
        job = await bench.started()
        if give_back == "requeue":
            await bench.yard.jobs.requeue(job)
        else:
            await bench.yard.jobs.suspend(job, "message", checkpoint=None)
        for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
            with pytest.raises(AttemptLost):
                await bench.yard.jobs.finish(job, state)
        with pytest.raises(AttemptLost):
            await bench.append(job, 0, b"late")


async def test_a_job_ends_once(bench: Bench) -> None:
    """Invariant 1: repeating the same end is a no-op, another end is refused."""
    job = await bench.started()
    await bench.yard.jobs.finish(job, State.SUCCEEDED, result={"n": 1})
    await bench.yard.jobs.finish(job, State.SUCCEEDED, result={"n": 1})
    with pytest.raises(AttemptLost):
        await bench.yard.jobs.finish(job, State.FAILED, error={"code": "x", "message": "y"})
    now = await bench.ended(job)
    assert (now.state, now.result, now.progress) == (State.SUCCEEDED, {"n": 1}, 100)


async def test_a_requeued_job_goes_on_with_its_log_and_checkpoint(bench: Bench) -> None:
    job = await bench.started()
    await bench.append(job, 0, b"one\n")
    await bench.yard.jobs.checkpoint(job, {"step": 1})
    await bench.yard.jobs.requeue(job)
    await bench.yard.jobs.requeue(job)  # the first may have looked as if it had failed
    again = await bench.claim(job)
    assert (again.attempt, again.losses, again.checkpoint) == (2, 0, {"step": 1})
    await bench.append(again, 0, b"two\n")
    assert await bench.log(job) == b"one\ntwo\n"


async def test_progress_rides_with_an_append(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.append(job.id, 1, 0, [(bench.yard.clock(), "progress", b"{}")], progress=40)
    assert (await bench.get(job)).progress == 40
    await bench.append(job, 1, b"x")
    assert (await bench.get(job)).progress == 40


async def test_a_job_whose_entry_is_gone_is_queued_again(bench: Bench) -> None:
    """Invariant 1: whatever the queue loses, the sweep finds: queued, running, or due after a pause."""
    queued, running, waiting = await bench.submit(), await bench.started(), await bench.started()
    await bench.yard.jobs.suspend(waiting, "time", checkpoint=None, delay=timedelta(hours=1))
    await bench.yard.database.execute("DELETE FROM pgqueuer WHERE entrypoint = $1", bench.kind)
    assert await bench.yard.jobs.recover() >= 3
    assert await bench.yard.database.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", bench.kind) == 3
    assert [(await bench.claim(job)).attempt for job in (queued, running, waiting)] == [1, 2, 2]
    assert (await bench.get(running)).losses == 1
    assert (await bench.get(waiting)).losses == 0


async def test_the_sweep_finds_nothing_when_nothing_is_lost(bench: Bench) -> None:
    await bench.submit()
    await bench.started()
    waiting = await bench.started()
    await bench.yard.jobs.suspend(waiting, "message", checkpoint=None)
    await bench.yard.jobs.recover()
    before = await bench.yard.database.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", bench.kind)
    await bench.yard.jobs.recover()
    assert (
        await bench.yard.database.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", bench.kind) == before
    )
