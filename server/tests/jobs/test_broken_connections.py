"""A connection that breaks at any answer of Postgres: nothing is lost and nothing happens twice."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from runyard.jobs import Job, Once, State
from runyard.yard import Yard, open_yard

from .conftest import Bench
from .cutting import Cutter, cut_postgres


@pytest.fixture(scope="module")
async def shaky(parts: Yard, yard_database: str) -> AsyncIterator[tuple[Yard, Cutter]]:
    """The same yard by way of a connection that can be cut."""
    with tempfile.TemporaryDirectory() as folder:
        async with cut_postgres(yard_database, Path(folder)) as (url, cutter):
            settings = parts.settings.model_copy(update={"database_url": SecretStr(url)})
            async with open_yard(settings, application="shaky") as yard:
                yield yard, cutter


@pytest.fixture
def cut(shaky: tuple[Yard, Cutter]) -> Bench:
    return Bench(shaky[0])


async def at_every_answer(cutter: Cutter, once: Callable[[], Awaitable[None]]) -> None:
    """Do a thing again and again, cut at its first, second, third... answer, until it has no more answers."""
    answer = 0
    before = cutter.cuts
    while True:
        answer += 1
        cutter.arm(answer)
        try:
            await once()
        finally:
            untouched = cutter.disarm()
        if untouched:
            break
    assert cutter.cuts - before == answer - 1 > 0


async def test_submit(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariants 1 and 3."""
    jobs: list[Job] = []

    async def once() -> None:
        jobs.append(await cut.submit(idempotency_key=f"k{len(jobs)}", fingerprint=b"f"))

    await at_every_answer(shaky[1], once)
    assert await bench.yard.database.fetchval("SELECT count(*) FROM jobs WHERE kind = $1", cut.kind) == len(jobs)
    assert await bench.yard.database.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", cut.kind) == len(
        jobs
    )
    for job in jobs:
        assert await bench.states(job) == ["queued"]


async def test_claim(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariant 1: a start that was not heard of is not taken for a lost worker."""

    async def once() -> None:
        job = await bench.submit()
        entry = await bench.entry(job)
        claimed = await cut.yard.jobs.claim(job.id, entry)
        assert claimed is not None
        assert (claimed.attempt, claimed.losses, claimed.state) == (1, 0, State.RUNNING)
        assert await bench.states(job) == ["queued", "running"]

    await at_every_answer(shaky[1], once)


async def test_append(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariant 2."""
    job = await bench.started()
    batches: list[bytes] = []

    async def once() -> None:
        line = f"line {len(batches)}\n".encode()
        await cut.append(job, len(batches), line)
        batches.append(line)

    await at_every_answer(shaky[1], once)
    assert await bench.log(job) == b"".join(batches)
    assert [event.seq for event in await bench.events(job)] == list(range(1, len(batches) + 3))


@pytest.mark.parametrize("of", ["a job", "a child"])
async def test_finish(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter], of: str) -> None:
    """Invariant 1: the job has ended once, and a waiting parent goes on once."""

    async def once() -> None:
        parent = await bench.started() if of == "a child" else None
        job = await bench.started(parent=parent.id if parent else None)
        if parent:
            await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
        await cut.yard.jobs.finish(job, State.SUCCEEDED, result={"n": 1})
        assert (await bench.ended(job)).result == {"n": 1}
        if parent:
            assert await bench.states(parent) == ["queued", "running", "waiting", "queued"]

    await at_every_answer(shaky[1], once)


async def test_requeue(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariant 1."""

    async def once() -> None:
        job = await bench.started()
        await cut.yard.jobs.requeue(job, lost=True)
        assert await bench.states(job) == ["queued", "running", "queued"]
        again = await bench.claim(job)
        assert (again.attempt, again.losses) == (2, 1)

    await at_every_answer(shaky[1], once)


async def test_suspend_and_send(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariants 1 and 2: the job waits once, the message is there once, and it wakes the job."""

    async def once() -> None:
        job = await bench.started()
        await cut.yard.jobs.suspend(job, "message", checkpoint={"n": 1})
        await cut.yard.jobs.send(job.id, {"text": "x"})
        assert await bench.states(job) == ["queued", "running", "waiting", "queued"]
        assert [event.data["text"] for event in await bench.events(job) if event.type == "message"] == ["x"]
        assert (await bench.claim(job)).checkpoint == {"n": 1}

    await at_every_answer(shaky[1], once)


async def test_a_message_that_may_come_again(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariant 3: its sender gets the number of the one that is there."""

    async def once() -> None:
        job = await bench.started()
        sent = await cut.yard.jobs.send(job.id, {}, once=Once(sender=job.id, key="k", fingerprint=b"f"))
        assert [event.seq for event in await bench.events(job) if event.type == "message"] == [sent]

    await at_every_answer(shaky[1], once)


async def test_cancel(bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]) -> None:
    """Invariant 1."""

    async def once() -> None:
        job = await bench.submit()
        child = await bench.submit()
        await bench.yard.database.execute("UPDATE jobs SET parent = $2 WHERE id = $1", child.id, job.id)
        assert (await cut.yard.jobs.cancel(job.id)).state is State.CANCELLED
        assert await bench.states(job) == await bench.states(child) == ["queued", "cancelled"]

    await at_every_answer(shaky[1], once)


async def test_a_watcher_and_a_worker_behind_cut_connections(
    bench: Bench, cut: Bench, shaky: tuple[Yard, Cutter]
) -> None:
    """Invariants 1 and 2, through the whole way of a job: the answer that is lost moves on from job to job."""
    lines = [f"line {number}\n".encode() for number in range(5)]

    async def talk(ctx):
        for line in lines:
            await ctx.log(line)
            await ctx.flush()

    async with cut.working(talk):
        for answer in range(1, 40, 3):
            shaky[1].arm(answer)
            job = await cut.submit()
            events = await cut.follow(job)
            shaky[1].disarm()
            now = await bench.ended(job)
            assert now.state is State.SUCCEEDED
            assert [event.seq for event in events] == list(range(1, now.last_seq + 1))
            if now.attempt == 1:
                assert await bench.log(job) == b"".join(lines)
