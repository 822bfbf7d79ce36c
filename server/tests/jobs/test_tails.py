"""Reading a job's events by cursor: live, late, slow, from an archive, by one or by a hundred."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from runyard.jobs import Event, EventsExpired, Job, JobNotFound, Maintenance, State, Tails
from runyard.jobs.store import CHANNEL

from .conftest import DEADLINE, Bench


async def ended(bench: Bench, *batches: tuple[bytes, ...]) -> Job:
    """A job that has printed these batches and succeeded."""
    job = await bench.started()
    for number, lines in enumerate(batches):
        await bench.append(job, number, *lines)
    await bench.yard.jobs.finish(job, State.SUCCEEDED)
    return await bench.get(job)


async def archived(bench: Bench, job: Job) -> Job:
    """The same job with its events in an archive."""
    settings = bench.yard.settings.model_copy(update={"compact_after": 1e-9})
    maintenance = Maintenance(bench.yard.jobs, bench.yard.artifacts, settings)
    async with asyncio.timeout(DEADLINE):
        while (now := await bench.get(job)).archive is None:
            await maintenance.compact()
    assert await bench.yard.jobs.events(job.id, 0) == []
    return now


def told(events: list[Event]) -> list[tuple[int, object, str, bytes]]:
    return [(event.seq, event.at, event.type, event.body) for event in events]


async def test_followers_that_join_at_any_moment_see_the_same(bench: Bench) -> None:
    """Invariant 2: before, between and after the events, from any cursor."""
    job = await bench.submit()
    followers = [asyncio.create_task(bench.follow(job, after)) for after in (0, 0, 1)]
    running = await bench.claim(job)
    for batch in range(20):
        followers.append(asyncio.create_task(bench.follow(job, batch)))
        await bench.append(running, batch, b"x%d\n" % batch)
    await bench.yard.jobs.finish(running, State.SUCCEEDED)
    followers.extend(asyncio.create_task(bench.follow(job, after)) for after in (0, 5, 22))
    whole = told(await bench.events(job))
    assert [seq for seq, *_ in whole] == list(range(1, 24))
    for seen in await asyncio.gather(*followers):
        assert told(seen) == whole[-len(seen) :]
    assert bench.yard.tails.watched == 0


async def test_a_hundred_watchers_of_one_job_share_one_reading(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 2, and the cost of a watcher: the number of queries doesn't grow with the number of watchers."""
    job = await bench.started()
    read, store = [], bench.yard.jobs
    events = store.events

    async def counted(of, after, **options):
        if of == job.id:
            read.append(after)
        return await events(of, after, **options)

    monkeypatch.setattr(store, "events", counted)
    arrived = asyncio.Barrier(101)

    async def watch() -> list[int]:
        seqs = []
        async with (
            asyncio.timeout(DEADLINE),
            aclosing(bench.yard.tails.follow(job.id, 0, idle=5.0)) as following,
        ):
            async for event in following:
                assert event is not None
                seqs.append(event.seq)
                if event.seq == 2:
                    await arrived.wait()
        return seqs

    watchers = [asyncio.create_task(watch()) for _ in range(100)]
    async with asyncio.timeout(DEADLINE):
        await arrived.wait()
    before = len(read)
    for batch in range(10):
        await bench.append(job, batch, b"line\n")
    await store.finish(job, State.SUCCEEDED)
    assert await asyncio.gather(*watchers) == [list(range(1, 14))] * 100
    assert len(read) - before <= 12  # at most one for each of the eleven changes, and a last look


async def test_a_slow_watcher_misses_nothing_and_delays_nobody(bench: Bench) -> None:
    """Invariants 2 and 5: what has left the window of recent events comes from the database."""
    job = await bench.started()
    slow = bench.yard.tails.follow(job.id, 0, idle=DEADLINE)
    first = await anext(slow)
    fast = asyncio.create_task(bench.follow(job))
    lines = [bytes([65 + batch]) * 60_000 for batch in range(40)]  # 2.4 MB; the window holds 1 MiB
    for batch, line in enumerate(lines):
        await bench.append(job, batch, line)
    await bench.yard.jobs.finish(job, State.SUCCEEDED)
    seen = await fast
    async with aclosing(slow):
        late = [first, *[event async for event in slow if event is not None]]
    assert told(late) == told(seen)
    assert b"".join(event.body for event in late if event.type == "log") == b"".join(lines)


async def test_a_quiet_job_gives_a_sign_of_life(bench: Bench) -> None:
    """Invariant 7."""
    job = await bench.started()
    async with asyncio.timeout(DEADLINE), aclosing(bench.yard.tails.follow(job.id, 2, idle=0.01)) as events:
        assert await anext(events) is None
        await bench.append(job, 0, b"x")
        while (event := await anext(events)) is None:
            pass
        assert event.body == b"x"


async def test_a_lost_notification_costs_time_but_no_event(bench: Bench) -> None:
    """Invariant 2: here nothing at all is heard, and the look after a quiet while finds it."""
    deaf = Tails(bench.yard.jobs, bench.yard.artifacts, bench.yard.signals)
    job = await bench.started()
    async with asyncio.timeout(DEADLINE), aclosing(deaf.follow(job.id, 0, idle=0.01)) as events:
        seqs = [(await anext(events)).seq, (await anext(events)).seq]
        await bench.append(job, 0, b"x")
        await bench.yard.jobs.finish(job, State.SUCCEEDED)
        seqs += [event.seq async for event in events if event is not None]
    assert seqs == [1, 2, 3, 4]


async def test_an_end_is_heard_during_the_first_look_of_a_watcher(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 2: it commits and is told after the look has found nothing, and before the look is over."""
    job = await bench.started()
    store, heard = bench.yard.jobs, asyncio.Event()
    await bench.yard.signals.listen(CHANNEL, lambda said: heard.set() if said.startswith(f"event {job.id} 3") else None)
    get = store.get

    async def get_late(of: UUID) -> Job:
        found = await get(of)
        if not heard.is_set():
            await store.finish(job, State.SUCCEEDED)
            await heard.wait()
        return found

    monkeypatch.setattr(store, "get", get_late)
    async with asyncio.timeout(DEADLINE), aclosing(bench.yard.tails.follow(job.id, 2, idle=2 * DEADLINE)) as events:
        assert [event.seq async for event in events if event is not None] == [3]


async def test_closing_ends_every_stream_without_a_terminal_event(bench: Bench) -> None:
    """Invariant 7: the reader knows that it has to come back, and where."""
    tails = Tails(bench.yard.jobs, bench.yard.artifacts, bench.yard.signals)
    await tails.start()
    job = await bench.started()
    reached = asyncio.Barrier(6)

    async def watch() -> list[Event]:
        seen = []
        async with asyncio.timeout(DEADLINE), aclosing(tails.follow(job.id, 0, idle=DEADLINE)) as events:
            async for event in events:
                assert event is not None
                seen.append(event)
                if event.seq == 2:
                    await reached.wait()
        return seen

    watchers = [asyncio.create_task(watch()) for _ in range(5)]
    async with asyncio.timeout(DEADLINE):
        await reached.wait()
    tails.close()
    for seen in await asyncio.gather(*watchers):
        assert [event.seq for event in seen] == [1, 2]
        assert not seen[-1].ends_job
    async with aclosing(tails.follow(job.id, 2, idle=DEADLINE)) as late:
        assert [event async for event in late] == []


@pytest.mark.parametrize("after", [0, 1, 3, 7])
async def test_an_archive_reads_like_the_log_it_was_made_of(bench: Bench, after: int) -> None:
    """Invariant 2."""
    job = await ended(bench, (b"one\n", b"\xff\xfe\n"), (b"three\n" * 20_000,), ("zeile vier äöü\n".encode(),))
    before = told(await bench.events(job, after))
    now = await archived(bench, job)
    assert told(await bench.events(now, after)) == before
    assert told(await bench.follow(now, after)) == before
    assert len(before) == 7 - after


async def test_a_reader_in_the_middle_of_a_log_reads_on_when_it_is_archived(bench: Bench) -> None:
    """Invariant 2."""
    lines = tuple(b"%06d" % number * 8000 for number in range(30))
    job = await ended(bench, *[(line,) for line in lines])
    whole = told(await bench.events(job))
    readers: list[AsyncIterator[Event | None]] = [
        bench.yard.tails.follow(job.id, 0, idle=5.0),
        bench.yard.tails.follow(job.id, 0, idle=5.0),
        bench.yard.tails.events(job, 0),
    ]
    seen: list[list[Event]] = [[await anext(reader) for _ in range(10)] for reader in readers]  # type: ignore[misc]
    await archived(bench, job)
    for reader, events in zip(readers, seen, strict=True):
        events.extend([event async for event in reader if event is not None])
        assert told(events) == whole


async def test_a_watcher_of_an_ended_job_with_nothing_left_to_read_is_sent_home(bench: Bench) -> None:
    """Invariant 7: it doesn't wait for what can't come; not even after events that never were."""
    job = await ended(bench, (b"x",))
    assert await bench.follow(job, job.last_seq) == []
    assert await bench.follow(job, 10**6) == []
    now = await archived(bench, job)
    assert await bench.follow(now, job.last_seq) == []


async def test_a_watcher_that_names_an_event_of_the_future_spoils_nothing(bench: Bench) -> None:
    """Invariant 2: the tail it opened serves the others just as well, and itself from now on."""
    job = await bench.started()
    strange = asyncio.create_task(bench.follow(job, 10**9, idle=0.05))
    while not bench.yard.tails.watched:
        await asyncio.sleep(0)
    honest = asyncio.create_task(bench.follow(job))
    await bench.append(job, 0, b"x")
    await bench.yard.jobs.finish(job, State.SUCCEEDED)
    assert [event.seq for event in await honest] == [1, 2, 3, 4]
    assert await strange == []


async def test_events_past_their_retention_are_said_to_be_gone(bench: Bench) -> None:
    job = await ended(bench, (b"x",))
    await bench.yard.database.execute("DELETE FROM events WHERE job = $1", job.id)
    with pytest.raises(EventsExpired, match=str(job.id)):
        await bench.follow(job)
    with pytest.raises(EventsExpired):
        await bench.events(job)
    with pytest.raises(JobNotFound):
        async for _ in bench.yard.tails.follow(uuid4(), 0, idle=DEADLINE):
            pass


async def test_pages_of_a_list_are_stable_while_jobs_come_and_end(bench: Bench) -> None:
    jobs = [await bench.submit() for _ in range(9)]
    seen, before = [], None
    while page := await bench.yard.jobs.list(kinds=[bench.kind], owner=bench.owner, before=before, limit=4):
        seen += [job.id for job in page]
        before = (page[-1].created_at, page[-1].id)
        await bench.submit()
        await bench.yard.jobs.cancel(jobs[0].id)
    assert seen == [job.id for job in reversed(jobs)]


async def test_a_list_is_of_one_owner_tenant_state_and_time(bench: Bench) -> None:
    """Invariant 4 (the adapter says whose; the store gives no more)."""
    mine, other = await bench.submit(), await bench.submit(owner=uuid4(), tenant="project:apollo")
    started = await bench.started()
    listed = bench.yard.jobs.list
    assert [job.id for job in await listed(kinds=[bench.kind], owner=bench.owner)] == [started.id, mine.id]
    assert [job.id for job in await listed(kinds=[bench.kind], tenant="project:apollo")] == [other.id]
    assert [job.id for job in await listed(kinds=[bench.kind], owner=bench.owner, states=[State.RUNNING])] == [
        started.id
    ]
    assert [job.id for job in await listed(kinds=[bench.kind], since=started.created_at)] == [started.id]
    assert await listed(kinds=[bench.kind], since=started.created_at + timedelta(hours=1)) == []
    assert await listed(kinds=["other"], owner=bench.owner) == []


async def test_jobs_of_the_same_moment_are_all_listed_once(bench: Bench) -> None:
    jobs = {(await bench.submit()).id for _ in range(6)}
    await bench.yard.database.execute("UPDATE jobs SET created_at = $2 WHERE kind = $1", bench.kind, bench.yard.clock())
    seen, before = [], None
    while page := await bench.yard.jobs.list(kinds=[bench.kind], owner=bench.owner, before=before, limit=2):
        seen += [job.id for job in page]
        before = (page[-1].created_at, page[-1].id)
    assert len(seen) == 6
    assert set(seen) == jobs


async def test_the_place_in_the_queue_counts_who_starts_before(bench: Bench) -> None:
    first, second, urgent = await bench.submit(), await bench.submit(), await bench.submit(priority=1)
    place = bench.yard.jobs.queue_position
    assert [await place(job) for job in (urgent, first, second)] == [1, 2, 3]
    assert await place(await bench.claim(urgent)) is None
    assert [await place(job) for job in (first, second)] == [1, 2]


async def test_the_database_may_drop_the_ear_at_any_time(bench: Bench) -> None:
    """Invariant 2: notifications missed while the connection was away are made up for."""
    job = await bench.started()
    following = asyncio.create_task(bench.follow(job, idle=DEADLINE))
    for batch in range(6):
        ear = bench.yard.signals._connection
        assert ear is not None
        if not ear.is_closed():
            await bench.yard.database.execute("SELECT pg_terminate_backend($1)", ear.get_server_pid())
        await bench.append(job, batch, b"x")
    await bench.yard.jobs.finish(job, State.SUCCEEDED)
    assert [event.seq for event in await following] == list(range(1, 10))
