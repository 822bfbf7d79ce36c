"""Waiting without a process: for children, for a message, for a time; and what may happen at the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from runyard.jobs import IdempotencyReused, JobEnded, JobNotFound, Once, State

from .conftest import Bench

HOUR = timedelta(hours=1)


async def test_a_message_wakes_a_job_that_waits_for_one(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.suspend(job, "message", checkpoint={"turn": 1})
    now = await bench.get(job)
    assert (now.state, now.awaits, now.checkpoint) == (State.WAITING, "message", {"turn": 1})
    await bench.yard.jobs.send(job.id, {"text": "go on"})
    again = await bench.claim(job)
    assert (again.attempt, again.losses, again.checkpoint, again.awaits) == (2, 0, {"turn": 1}, None)
    assert await bench.states(job) == ["queued", "running", "waiting", "queued", "running"]


async def test_a_message_that_came_before_the_wait_is_not_waited_for(bench: Bench) -> None:
    """Invariant 2: the job says which message it has handled last; a newer one is enough."""
    job = await bench.started()
    first = await bench.yard.jobs.send(job.id, {"text": "one"})
    await bench.yard.jobs.suspend(job, "message", checkpoint=None, after=0)
    assert (await bench.get(job)).state is State.QUEUED
    again = await bench.claim(job)
    await bench.yard.jobs.suspend(again, "message", checkpoint=None, after=first)
    assert (await bench.get(job)).state is State.WAITING


async def test_what_the_job_says_itself_does_not_wake_it(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.append(job.id, 1, 0, [(bench.yard.clock(), "reply", b'{"text":"hello"}')])
    await bench.yard.jobs.suspend(job, "message", checkpoint=None, after=0)
    assert (await bench.get(job)).state is State.WAITING


async def test_a_wait_without_a_limit_leaves_no_entry_that_could_end_it(bench: Bench) -> None:
    """Invariant 1: a worker that dies right after it suspended the job leaves an entry that others draw."""
    job = await bench.submit()
    entry = await bench.entry(job)
    await bench.yard.jobs.suspend(await bench.claim(job), "message", checkpoint=None)
    assert await bench.yard.jobs.claim(job.id, entry) is None
    assert (await bench.get(job)).state is State.WAITING


async def test_a_wait_with_a_limit_goes_on_when_its_entry_is_drawn(bench: Bench) -> None:
    """Invariant 7."""
    job = await bench.started()
    await bench.yard.jobs.suspend(job, "message", checkpoint=None, delay=HOUR)
    due = await bench.yard.database.fetchval(
        "SELECT execute_after > now() + interval '59 minutes' FROM pgqueuer WHERE id = $1",
        await bench.entry(job),
    )
    assert due is True
    assert (await bench.claim(job)).attempt == 2


async def test_a_message_makes_the_entry_of_the_time_limit_a_leftover(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.suspend(job, "message", checkpoint=None, delay=HOUR)
    limit = await bench.entry(job)
    await bench.yard.jobs.send(job.id, {})
    assert await bench.yard.jobs.claim(job.id, limit) is None
    assert (await bench.claim(job)).attempt == 2


async def test_a_parent_goes_on_when_its_last_child_has_ended(bench: Bench) -> None:
    parent = await bench.started()
    children = [await bench.submit(parent=parent.id) for _ in range(2)]
    await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
    await bench.yard.jobs.finish(await bench.claim(children[0]), State.SUCCEEDED)
    assert (await bench.get(parent)).state is State.WAITING
    await bench.yard.jobs.finish(await bench.claim(children[1]), State.FAILED, error={"code": "x", "message": "y"})
    assert (await bench.get(parent)).state is State.QUEUED


@pytest.mark.parametrize("end", ["cancel", "worker_lost", "cancelling"])
async def test_every_way_a_child_can_end_wakes_the_parent(bench: Bench, end: str) -> None:
    parent = await bench.started()
    child = await bench.submit(parent=parent.id)
    await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
    if end == "cancel":
        await bench.yard.jobs.cancel(child.id)
    else:
        for _ in range(child.max_attempts):
            await bench.claim(child)
        if end == "cancelling":
            await bench.yard.jobs.cancel(child.id)
        assert await bench.yard.jobs.claim(child.id, await bench.entry(child)) is None
    assert (await bench.get(parent)).state is State.QUEUED


async def test_a_parent_without_open_children_does_not_wait(bench: Bench) -> None:
    parent = await bench.started()
    await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
    assert (await bench.get(parent)).state is State.QUEUED


@pytest.mark.parametrize("first", ["suspend", "finish"])
async def test_a_child_may_end_while_its_parent_suspends(bench: Bench, first: str) -> None:
    """Invariant 1: whichever transaction comes first (the other waits at the parent's row), the parent goes on."""
    for _ in range(10):
        parent = await bench.started()
        child = await bench.claim(await bench.submit(parent=parent.id))
        acts = {
            "suspend": lambda parent=parent: bench.yard.jobs.suspend(parent, "children", checkpoint=None),
            "finish": lambda child=child: bench.yard.jobs.finish(child, State.SUCCEEDED),
        }
        second = "finish" if first == "suspend" else "suspend"
        async with bench.yard.database.pool.acquire() as gate:
            transaction = gate.transaction()
            await transaction.start()
            await gate.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", parent.id)
            tasks = []
            for number, name in enumerate((first, second), 1):
                tasks.append(asyncio.create_task(acts[name]()))
                await _waiters_at_the_row(bench, gate, number)
            await transaction.commit()  # locks are granted in the order they were asked for
        await asyncio.gather(*tasks)
        assert (await bench.get(parent)).state is State.QUEUED
        assert (await bench.states(parent))[-1] == "queued"


async def _waiters_at_the_row(bench: Bench, gate: object, count: int) -> None:
    """Wait until ``count`` sessions stand behind the gate's lock (pg_locks is the only event Postgres has for it)."""
    async with asyncio.timeout(10):
        while await bench.yard.database.fetchval(_BEHIND, gate.get_server_pid()) < count:  # type: ignore[attr-defined, operator]
            await asyncio.sleep(0)


_BEHIND = """
    WITH RECURSIVE behind(pid) AS (
        SELECT $1::int UNION SELECT a.pid FROM pg_stat_activity a JOIN behind b ON b.pid = ANY(pg_blocking_pids(a.pid))
    ) SELECT count(*) - 1 FROM behind"""


async def test_news_is_the_end_of_any_child_or_a_message(bench: Bench) -> None:
    parent = await bench.started()
    children = [await bench.submit(parent=parent.id) for _ in range(3)]
    await bench.yard.jobs.suspend(parent, "news", checkpoint=None, children=[child.id for child in children])
    assert (await bench.get(parent)).awaits == "news"
    await bench.yard.jobs.finish(await bench.claim(children[0]), State.SUCCEEDED)
    assert (await bench.get(parent)).state is State.QUEUED
    left = [child.id for child in children[1:]]
    await bench.yard.jobs.suspend(await bench.claim(parent), "news", checkpoint=None, children=left)
    assert (await bench.get(parent)).state is State.WAITING
    await bench.yard.jobs.send(parent.id, {"text": "look"})
    assert (await bench.get(parent)).state is State.QUEUED


@pytest.mark.parametrize("end", ["finish", "cancel", "delete"])
async def test_a_child_that_ended_before_the_wait_is_news(bench: Bench, end: str) -> None:
    """Invariant 1: the executor names the children it believes to be open; one that isn't is enough."""
    parent = await bench.started()
    gone, open_ = await bench.submit(parent=parent.id), await bench.submit(parent=parent.id)
    if end == "finish":
        await bench.yard.jobs.finish(await bench.claim(gone), State.SUCCEEDED)
    else:
        await getattr(bench.yard.jobs, end)(gone.id)
    await bench.yard.jobs.suspend(parent, "news", checkpoint=None, children=[gone.id, open_.id])
    assert (await bench.get(parent)).state is State.QUEUED
    await bench.yard.jobs.suspend(await bench.claim(parent), "news", checkpoint=None, children=[open_.id])
    assert (await bench.get(parent)).state is State.WAITING


@pytest.mark.parametrize("awaits", ["children", "news"])
async def test_a_parent_does_not_wait_for_a_child_that_was_deleted(bench: Bench, awaits: str) -> None:
    parent = await bench.started()
    child = await bench.submit(parent=parent.id)
    await bench.yard.jobs.suspend(parent, awaits, checkpoint=None, children=[child.id])
    await bench.yard.jobs.delete(child.id)
    assert (await bench.get(parent)).state is State.QUEUED


async def test_a_child_may_end_while_its_parent_asks_for_news(bench: Bench) -> None:
    """Invariant 1: at the same moment, many times over, the end of a child always wakes the parent."""
    for _ in range(20):
        parent = await bench.started()
        child = await bench.claim(await bench.submit(parent=parent.id))
        await asyncio.gather(
            bench.yard.jobs.suspend(parent, "news", checkpoint=None, children=[child.id]),
            bench.yard.jobs.finish(child, State.SUCCEEDED),
        )
        assert (await bench.get(parent)).state is State.QUEUED


async def test_a_message_of_a_transaction_is_there_when_it_commits_and_only_then(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.suspend(job, "news", checkpoint=None)
    async with bench.yard.database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await bench.yard.jobs.send(job.id, {"text": "never said"}, connection=connection)
        await transaction.rollback()
        assert (await bench.get(job)).state is State.WAITING
        async with connection.transaction():
            await bench.yard.jobs.send(job.id, {"text": "said"}, connection=connection)
    assert (await bench.get(job)).state is State.QUEUED
    assert [event.data["text"] for event in await bench.events(job) if event.type == "message"] == ["said"]


async def test_a_message_may_come_while_the_job_suspends(bench: Bench) -> None:
    """Invariant 2: sent at the same moment, many times over, a message always wakes the job."""
    for _ in range(30):
        job = await bench.started()
        await asyncio.gather(
            bench.yard.jobs.send(job.id, {"text": "now"}),
            bench.yard.jobs.suspend(job, "message", checkpoint=None),
        )
        assert (await bench.get(job)).state is State.QUEUED


async def test_a_hundred_messages_at_once_are_all_there_in_one_order(bench: Bench) -> None:
    """Invariant 2."""
    job = await bench.started()
    seqs = await asyncio.gather(*(bench.yard.jobs.send(job.id, {"n": n}) for n in range(100)))
    events = await bench.events(job)
    assert [event.seq for event in events] == list(range(1, 103))
    assert {event.data["n"]: event.seq for event in events if event.type == "message"} == dict(enumerate(seqs))


async def test_a_message_that_may_come_again_is_there_once(bench: Bench) -> None:
    """Invariant 3: however often and at whatever moments it comes, also when the job has ended meanwhile."""
    job = await bench.started()
    once = Once(sender=uuid4(), key="k", fingerprint=b"one")
    sent = {await bench.yard.jobs.send(job.id, {"n": 1}, once=once)}
    sent |= set(await asyncio.gather(*(bench.yard.jobs.send(job.id, {"n": 1}, once=once) for _ in range(10))))
    await bench.yard.jobs.cancel(job.id)
    sent.add(await bench.yard.jobs.send(job.id, {"n": 1}, once=once))
    assert len(sent) == 1
    assert [event.seq for event in await bench.events(job) if event.type == "message"] == list(sent)


async def test_a_message_under_the_key_of_another_is_refused(bench: Bench) -> None:
    """Invariant 3: keys belong to their senders, and to one job."""
    job, other = await bench.started(), await bench.started()
    once = Once(sender=uuid4(), key="k", fingerprint=b"one")
    await bench.yard.jobs.send(job.id, {}, once=once)
    with pytest.raises(IdempotencyReused):
        await bench.yard.jobs.send(job.id, {}, once=replace(once, fingerprint=b"two"))
    for elsewhere, changed in ((job, replace(once, sender=uuid4())), (other, once), (job, replace(once, key="l"))):
        await bench.yard.jobs.send(elsewhere.id, {}, once=changed)
    assert [len([event for event in await bench.events(one) if event.type == "message"]) for one in (job, other)] == [
        3,
        1,
    ]


async def test_nobody_can_send_to_a_job_that_has_ended_or_never_was(bench: Bench) -> None:
    job = await bench.submit()
    await bench.yard.jobs.cancel(job.id)
    with pytest.raises(JobEnded, match="cancelled"):
        await bench.yard.jobs.send(job.id, {})
    with pytest.raises(JobNotFound):
        await bench.yard.jobs.send(uuid4(), {})


@pytest.mark.parametrize("state", ["queued", "waiting"])
async def test_a_job_that_no_process_holds_is_cancelled_at_once(bench: Bench, state: str) -> None:
    job = await bench.submit()
    if state == "waiting":
        await bench.yard.jobs.suspend(await bench.claim(job), "message", checkpoint=None)
    assert (await bench.yard.jobs.cancel(job.id)).state is State.CANCELLED
    assert (await bench.yard.jobs.cancel(job.id)).state is State.CANCELLED
    assert (await bench.ended(job)).error_code == "cancelled"
    assert await bench.yard.jobs.claim(job.id, await bench.entry(job) or 0) is None


async def test_cancelling_a_running_job_asks_its_worker(bench: Bench) -> None:
    job = await bench.started()
    now = await bench.yard.jobs.cancel(job.id)
    assert (now.state, now.cancelling) == (State.RUNNING, True)
    await bench.yard.jobs.finish(job, State.CANCELLED)
    assert (await bench.ended(job)).state is State.CANCELLED


async def test_an_ended_job_can_not_be_cancelled(bench: Bench) -> None:
    job = await bench.started()
    await bench.yard.jobs.finish(job, State.SUCCEEDED)
    with pytest.raises(JobEnded, match="succeeded"):
        await bench.yard.jobs.cancel(job.id)
    with pytest.raises(JobNotFound):
        await bench.yard.jobs.cancel(uuid4())


async def test_children_and_their_children_are_cancelled_with_the_parent(bench: Bench) -> None:
    parent = await bench.started()
    done, child = await bench.started(parent=parent.id), await bench.started(parent=parent.id)
    grandchild = await bench.submit(parent=child.id)
    await bench.yard.jobs.finish(done, State.SUCCEEDED)
    await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
    await bench.yard.jobs.cancel(parent.id)
    assert [(await bench.get(job)).state for job in (parent, done, grandchild)] == [
        State.CANCELLED, State.SUCCEEDED, State.CANCELLED,
    ]  # fmt: skip
    assert (await bench.get(child)).cancelling


async def test_a_child_started_while_its_parent_is_cancelled_is_refused_or_cancelled(bench: Bench) -> None:
    """Invariant 1: at the same moment, many times over, no orphan is left."""
    for _ in range(20):
        parent = await bench.started()
        child, _ = await asyncio.gather(
            bench.submit(parent=parent.id), bench.yard.jobs.cancel(parent.id), return_exceptions=True
        )
        assert isinstance(child, JobEnded) or (await bench.get(child)).state is State.CANCELLED


async def test_the_sweep_wakes_a_parent_nobody_woke(bench: Bench) -> None:
    parent = await bench.started()
    child = await bench.submit(parent=parent.id)
    await bench.yard.jobs.suspend(parent, "children", checkpoint=None)
    await bench.yard.database.execute("UPDATE jobs SET parent = NULL WHERE id = $1", child.id)
    await bench.yard.jobs.recover()
    assert (await bench.get(parent)).state is State.QUEUED
