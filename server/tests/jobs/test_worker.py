"""A worker and its executors: success, failure, cancellation, drain, loss, waiting; all over the real queue."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import psutil
import pytest
from blockbuster import blockbuster_ctx

from runyard.jobs import Job, JobFailed, State, worker

from .conftest import DEADLINE, Bench


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and sweeps come soon; what they do is the same."""
    monkeypatch.setattr(worker, "RETRY_AFTER", timedelta(milliseconds=1))
    monkeypatch.setattr(worker, "RECOVER_EVERY", 0.2)


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE):
        await event.wait()


async def test_a_job_succeeds_with_its_result_and_its_log_complete(bench: Bench) -> None:
    """Invariant 2: everything said before the end is in the log before the terminal event."""

    async def run(ctx):
        await ctx.progress(50, "half")
        await ctx.log("last words without a line end")
        return {"params": ctx.job.params}

    async with bench.working(run):
        now = await bench.ended(await bench.submit(params={"n": 1}))
    assert (now.state, now.result, now.progress, now.attempt) == (
        State.SUCCEEDED,
        {"params": {"n": 1}},
        100,
        1,
    )
    assert await bench.log(now) == b"last words without a line end"


async def test_a_failure_is_final_and_says_why(bench: Bench) -> None:
    async def run(ctx):
        await ctx.log("oh no\n")
        raise JobFailed("install_failed", "No such package.", result={"exit_code": 1})

    async with bench.working(run):
        now = await bench.ended(await bench.submit())
    assert (now.state, now.attempt, now.result) == (State.FAILED, 1, {"exit_code": 1})
    assert now.error == {"code": "install_failed", "message": "No such package."}
    assert await bench.log(now) == b"oh no\n"


async def test_a_fault_of_ours_is_tried_again(bench: Bench) -> None:
    async def run(ctx):
        if ctx.job.attempt == 1:
            raise OSError("the disk hiccuped")
        return {"attempt": ctx.job.attempt, "losses": ctx.job.losses}

    async with bench.working(run):
        now = await bench.ended(await bench.submit())
    assert (now.state, now.result) == (State.SUCCEEDED, {"attempt": 2, "losses": 1})


async def test_a_fault_that_stays_ends_the_job_as_internal(bench: Bench) -> None:
    """Invariants 1 and 8: at most ``max_attempts`` starts, and the text of the exception isn't shown to users."""
    starts = []

    async def run(ctx):
        starts.append(ctx.job.attempt)
        raise RuntimeError("secret detail")

    async with bench.working(run):
        now = await bench.ended(await bench.submit())
    assert (now.state, now.error_code, starts) == (State.FAILED, "internal", [1, 2, 3])
    assert "secret" not in str(now.error)


@pytest.mark.parametrize("result", [{"a": object()}, {"a": "\0"}])
async def test_a_result_that_can_not_be_kept_ends_the_job_as_internal(bench: Bench, result: dict[str, object]) -> None:
    async def run(ctx):
        return result

    async with bench.working(run):
        now = await bench.ended(await bench.submit())
    assert (now.state, now.error_code, now.attempt) == (State.FAILED, "internal", 3)


async def test_an_executor_that_cancels_itself_has_a_fault(bench: Bench) -> None:
    async def run(ctx):
        raise asyncio.CancelledError

    async with bench.working(run):
        assert (await bench.ended(await bench.submit())).error_code == "internal"


async def test_a_queued_job_that_is_cancelled_never_starts(bench: Bench) -> None:
    async def run(ctx):
        raise AssertionError("started")

    job = await bench.submit()
    await bench.yard.jobs.cancel(job.id)
    async with bench.working(run):
        pass
    assert await bench.states(job) == ["queued", "cancelled"]


async def test_a_running_job_is_cancelled_and_may_clean_up(bench: Bench) -> None:
    started = asyncio.Event()

    async def run(ctx):
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            assert ctx.cancelled.is_set()
            await ctx.log("cleaned up\n")

    async with bench.working(run):
        job = await bench.submit()
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        now = await bench.ended(job)
    assert (now.state, now.error_code) == (State.CANCELLED, "cancelled")
    assert await bench.log(job) == b"cleaned up\n"


async def test_what_breaks_while_a_job_is_being_cancelled_is_no_fault(bench: Bench) -> None:
    started = asyncio.Event()

    async def run(ctx):
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the pipe broke") from None

    async with bench.working(run):
        job = await bench.submit()
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        now = await bench.ended(job)
    assert (now.state, now.attempt) == (State.CANCELLED, 1)


async def test_work_that_is_done_before_the_cancellation_arrives_is_done(bench: Bench) -> None:
    started = asyncio.Event()

    async def run(ctx):
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {"done": True}

    async with bench.working(run):
        job = await bench.submit()
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        assert (await bench.ended(job)).state is State.SUCCEEDED


async def test_an_executor_that_does_not_stop_is_left_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 7: the job ends as cancelled; being fenced off, the executor can write no more."""
    monkeypatch.setattr(worker, "STOP_GRACE", 0.05)
    started, let_go, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(ctx):
        started.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        try:
            await ctx.log("from beyond\n")
            await ctx.flush()
        finally:
            left.set()

    async with bench.working(run):
        job = await bench.submit()
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        assert (await bench.ended(job)).state is State.CANCELLED
        let_go.set()
        await wait(left)
    assert await bench.log(job) == b""


async def test_a_cancellation_that_was_not_heard_is_found(bench: Bench) -> None:
    """NOTIFY is a hint: this worker hears nothing."""
    started = asyncio.Event()

    async def run(ctx):
        started.set()
        await asyncio.Event().wait()

    async with bench.working(run) as deaf:
        bench.yard.signals.unlisten("runyard", deaf._heard)
        job = await bench.submit()
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        assert (await bench.ended(job)).state is State.CANCELLED


async def test_a_drained_worker_gives_its_jobs_back_and_another_goes_on(bench: Bench) -> None:
    """Invariant 1."""
    started = asyncio.Event()

    async def stay(ctx):
        await ctx.log("first\n")
        started.set()
        await asyncio.Event().wait()

    async def end(ctx):
        await ctx.log("second\n")

    async with bench.working(stay) as first:
        job = await bench.submit()
        await wait(started)
        await first.drain()
    now = await bench.get(job)
    assert (now.state, now.losses) == (State.QUEUED, 0)
    async with bench.working(end):
        now = await bench.ended(job)
    assert (now.state, now.attempt, now.losses) == (State.SUCCEEDED, 2, 0)
    assert await bench.log(job) == b"first\nsecond\n"


async def test_a_job_that_ends_in_time_is_not_given_back(bench: Bench) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def run(ctx):
        started.set()
        await go_on.wait()

    async with bench.working(run, drain_seconds=DEADLINE) as first:
        job = await bench.submit()
        await wait(started)
        draining = asyncio.create_task(first.drain())
        await asyncio.sleep(0)
        go_on.set()
        await draining
    now = await bench.ended(job)
    assert (now.state, now.attempt) == (State.SUCCEEDED, 1)


async def test_draining_under_load_loses_nothing(bench: Bench) -> None:
    """Invariant 1: a worker is drained while jobs stream in; the next one ends them all."""

    async def run(ctx):
        await ctx.log(f"{ctx.job.attempt}\n")
        return {"n": ctx.job.params["n"]}

    jobs: list[Job] = []
    async with bench.working(run) as first:
        for n in range(40):
            jobs.append(await bench.submit(params={"n": n}))
            if n == 20:
                await bench.ended(jobs[0])
                draining = asyncio.create_task(first.drain())
        await draining
    async with bench.working(run):
        for n, job in enumerate(jobs):
            now = await bench.ended(job)
            assert (now.state, now.result, now.losses) == (State.SUCCEEDED, {"n": n}, 0)


async def test_two_workers_never_run_the_same_attempt(bench: Bench) -> None:
    """Invariant 1."""
    attempts: list[tuple[UUID, int]] = []

    async def run(ctx):
        attempts.append((ctx.job.id, ctx.job.attempt))
        await asyncio.sleep(0)

    async with bench.working(run), bench.working(run):
        jobs = await asyncio.gather(*(bench.submit() for _ in range(60)))
        for job in jobs:
            await bench.ended(job)
    assert sorted(attempts) == sorted((job.id, 1) for job in jobs)


async def test_a_job_whose_worker_fell_silent_runs_again_elsewhere(bench: Bench) -> None:
    """Invariant 1: the silent worker isn't dead, and what it says later is not written."""
    silent_started, silent_goes_on, silent_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def silent(ctx):
        silent_started.set()
        try:
            await silent_goes_on.wait()
            await ctx.log("from the silent one\n")
            await ctx.flush()
        finally:
            silent_ended.set()

    async def lively(ctx):
        await ctx.log("from the lively one\n")

    async with bench.working(silent, heartbeat_seconds=3600, drain_seconds=DEADLINE):
        job = await bench.submit()
        await wait(silent_started)
        await bench.yard.database.execute(
            "UPDATE pgqueuer SET heartbeat = now() - interval '1 hour' WHERE id = $1", await bench.entry(job)
        )
        async with bench.working(lively, heartbeat_seconds=1):
            now = await bench.ended(job)
        silent_goes_on.set()
        await wait(silent_ended)
    assert (now.state, now.attempt, now.losses) == (State.SUCCEEDED, 2, 1)
    assert await bench.log(job) == b"from the lively one\n"


async def test_a_worker_that_is_cancelled_gives_its_jobs_back(bench: Bench) -> None:
    """Invariant 1."""
    started = asyncio.Event()

    async def run(ctx):
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(bench.worker(run).run())
    job = await bench.submit()
    await wait(started)
    running.cancel()
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    now = await bench.get(job)
    assert (now.state, now.losses) == (State.QUEUED, 0)


async def test_a_parent_waits_without_a_process_and_goes_on_from_its_checkpoint(bench: Bench) -> None:
    """The one mechanism that carries workflows: children are started once, however often the parent starts."""
    parent_waits = asyncio.Event()

    async def run(ctx):
        if "n" in ctx.job.params:
            await parent_waits.wait()
            return {"square": ctx.job.params["n"] ** 2}
        children = [await ctx.start_child(ctx.job.kind, {"n": n}, key=f"n{n}") for n in range(3)]
        await ctx.log(f"attempt {ctx.job.attempt}\n")
        if ctx.job.checkpoint is None:
            await ctx.suspend("children", checkpoint={"asked": 3})
        squares = [(await ctx.child(child)).result["square"] for child in children]
        return {"sum": sum(squares), **ctx.job.checkpoint}

    async with bench.working(run):
        job = await bench.submit()
        await bench.until(job, "waiting")
        parent_waits.set()
        now = await bench.ended(job)
    assert (now.state, now.result, now.attempt, now.losses) == (State.SUCCEEDED, {"sum": 5, "asked": 3}, 2, 0)
    assert await bench.yard.database.fetchval("SELECT count(*) FROM jobs WHERE parent = $1", job.id) == 3
    assert await bench.log(job) == b"attempt 1\nattempt 2\n"


async def test_a_conversation_by_messages(bench: Bench) -> None:
    """Invariant 2: every message is received once and in order, while the job runs and while it waits."""

    async def run(ctx):
        handled = list((ctx.job.checkpoint or {}).get("handled", []))
        after = (ctx.job.checkpoint or {}).get("after", 0)
        for event in await bench.yard.jobs.events(ctx.job.id, after):
            if event.type == "message":
                handled.append(event.data["n"])
                after = event.seq
                await ctx.send({"echo": event.data["n"]})
        if len(handled) < 20:
            await ctx.suspend("message", checkpoint={"handled": handled, "after": after}, after=after)
        return {"handled": handled}

    async with bench.working(run):
        job = await bench.submit()
        for n in range(20):
            await bench.yard.jobs.send(job.id, {"n": n})
        now = await bench.ended(job)
    assert now.result == {"handled": list(range(20))}
    assert [event.data["echo"] for event in await bench.events(job) if event.type == "reply"] == list(range(20))


async def test_a_running_job_receives_messages(bench: Bench) -> None:
    async def run(ctx):
        got = []
        async for _, body in ctx.receive():
            got.append(body["n"])
            await ctx.send({"got": body["n"]})
            if len(got) == 3:
                break
        return {"got": got}

    async with bench.working(run):
        job = await bench.submit()
        await bench.until(job, "running")
        for n in range(3):
            await bench.yard.jobs.send(job.id, {"n": n})
        assert (await bench.ended(job)).result == {"got": [0, 1, 2]}


async def test_a_wait_for_a_time_ends(bench: Bench) -> None:
    async def run(ctx):
        if ctx.job.checkpoint is None:
            await ctx.suspend("time", checkpoint=1, delay=timedelta(milliseconds=1))
        return {}

    async with bench.working(run):
        now = await bench.ended(await bench.submit())
    assert (now.state, now.attempt) == (State.SUCCEEDED, 2)


async def test_a_waiting_job_is_cancelled_with_its_children(bench: Bench) -> None:
    started = asyncio.Event()

    async def run(ctx):
        if "child" in ctx.job.params:
            started.set()
            await asyncio.Event().wait()
        await ctx.start_child(ctx.job.kind, {"child": True}, key="c")
        await ctx.suspend("children", checkpoint=1)

    async with bench.working(run):
        job = await bench.submit()
        await bench.until(job, "waiting")
        await wait(started)
        await bench.yard.jobs.cancel(job.id)
        assert (await bench.ended(job)).state is State.CANCELLED
        child = await bench.yard.database.fetchval("SELECT id FROM jobs WHERE parent = $1", job.id)
        assert (await bench.ended(await bench.yard.jobs.get(child))).state is State.CANCELLED


async def test_nothing_is_left_of_a_drained_worker(bench: Bench) -> None:
    """Invariant 5: tasks, listeners and open files are back to what they were."""

    async def run(ctx):
        await ctx.log("x\n")

    async def use_one() -> None:
        async with bench.working(run):
            await bench.ended(await bench.submit())

    await use_one()
    before = _left(bench)
    files = psutil.Process().num_fds()
    for _ in range(3):
        await use_one()
    assert _left(bench) == before
    assert psutil.Process().num_fds() <= files + 2  # the pool may have opened a connection


def _left(bench: Bench) -> tuple[set[str], dict[str, int]]:
    tasks = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    return tasks, {channel: len(heard) for channel, heard in bench.yard.signals._callbacks.items()}


async def test_the_loop_is_never_blocked(bench: Bench) -> None:
    """Invariant 7: a blocked loop sends no heartbeats, and its jobs start twice."""

    async def run(ctx):
        await ctx.log("x" * 100_000)
        await ctx.artifact("file", b"x" * 100_000, content_type="text/plain", limit=10**6)
        await ctx.checkpoint({"n": 1})
        child = await ctx.start_child(ctx.job.kind, {}, key="c") if "top" in ctx.job.params else None
        if child is not None and ctx.job.attempt == 1:
            await ctx.suspend("children", checkpoint={"n": 2})
        return {}

    with blockbuster_ctx(scanned_modules=["runyard"]):
        async with bench.working(run):
            assert (await bench.ended(await bench.submit(params={"top": True}))).state is State.SUCCEEDED
