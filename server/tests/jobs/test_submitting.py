"""Asking for work: one transaction, and one job per Idempotency-Key."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from pgqueuer.queries import Queries

from runyard.artifacts import ArtifactMissing
from runyard.database import Signals
from runyard.jobs import IdempotencyReused, InFlight, JobEnded, JobNotFound, RequestInFlight, State
from runyard.jobs.queue import PgQueue
from runyard.jobs.store import CHANNEL

from .conftest import DEADLINE, Bench

MISSING = "0" * 64


async def test_a_submitted_job_is_queued_with_its_first_event_and_a_queue_entry(bench: Bench) -> None:
    job = await bench.submit(params={"a": 1}, priority=3)
    assert (job.state, job.params, job.priority, job.attempt, job.last_seq) == (
        State.QUEUED,
        {"a": 1},
        3,
        0,
        1,
    )
    assert await bench.states(job) == ["queued"]
    entry = await bench.yard.database.fetchrow(
        "SELECT id, payload, priority FROM pgqueuer WHERE entrypoint = $1", bench.kind
    )
    assert entry is not None
    assert (entry["id"], entry["payload"], entry["priority"]) == (await bench.entry(job), job.id.bytes, 3)


@pytest.mark.parametrize("delay", [None, timedelta(hours=1)])
async def test_an_entry_is_what_the_queue_s_own_library_makes(bench: Bench, delay: timedelta | None) -> None:
    job, connection = uuid4(), await bench.yard.database.connect()

    async def look(entry: int) -> object:
        return await connection.fetch(
            "SELECT to_jsonb(e) - 'id', to_jsonb(l) - 'id' - 'job_id' FROM pgqueuer AS e LEFT JOIN pgqueuer_log AS l"
            " ON l.job_id = e.id WHERE e.id = $1",
            entry,
        )

    try:
        await connection.reset_type_codec("jsonb", schema="pg_catalog")  # as the library is used to
        async with connection.transaction():  # the same for both, so that even their times are the same
            ours = await PgQueue().enqueue(connection, bench.kind, job, priority=3, delay=delay)
            (theirs,) = await Queries.from_asyncpg_connection(connection).enqueue(bench.kind, job.bytes, 3, delay)
            assert await look(ours) == await look(int(theirs))
    finally:
        await connection.close()


async def test_a_request_in_somebody_s_own_statement_is_a_job_like_any_other(bench: Bench) -> None:
    other = await bench.submit(params={"a": 1}, priority=3)
    one = bench.yard.jobs.submission(bench.new(params={"a": 1}, priority=3))
    heard: asyncio.Queue[str] = asyncio.Queue()
    await bench.yard.signals.listen(CHANNEL, heard.put_nowait)
    await bench.yard.database.execute(f"WITH {one.parts} SELECT", *one.values)
    async with asyncio.timeout(DEADLINE):
        while await heard.get() != f"event {one.job} 1 {bench.kind} queued":
            pass
    bench.yard.signals.unlisten(CHANNEL, heard.put_nowait)
    job = await bench.yard.jobs.get(one.job)
    assert replace(job, id=other.id, created_at=other.created_at) == other
    assert await bench.states(job) == ["queued"]
    assert (await bench.claim(job)).attempt == 1


async def test_a_submit_that_fails_half_way_leaves_nothing(bench: Bench) -> None:
    """Invariant 1: job, event, queue entry and key are one transaction (this one breaks at its last statement but one)."""
    with pytest.raises(Exception, match="artifacts_digest_fkey"):
        await bench.submit(artifacts={"package": (MISSING, "application/zip")}, idempotency_key="k")
    for query in ("jobs WHERE kind", "pgqueuer WHERE entrypoint", "idempotency WHERE scope"):
        scope = f"{bench.owner}/{bench.kind}" if "scope" in query else bench.kind
        assert await bench.yard.database.fetchval(f"SELECT count(*) FROM {query} = $1", scope) == 0


async def test_files_named_in_the_request_belong_to_the_job(bench: Bench) -> None:
    async def content():
        yield b"a package"

    blob = await bench.yard.artifacts.put(content(), limit=100)
    job = await bench.submit(artifacts={"package": (blob.digest, "application/zip")})
    found = await bench.yard.artifacts.find(job.id, "package")
    assert (found.digest, found.size, found.content_type) == (blob.digest, 9, "application/zip")
    with pytest.raises(ArtifactMissing):
        await bench.yard.artifacts.find(job.id, "other")


async def test_the_same_key_and_body_give_the_same_job(bench: Bench) -> None:
    """Invariant 3, also after the job has ended."""
    first = await bench.submit(idempotency_key="k", fingerprint=b"one")
    assert (await bench.submit(idempotency_key="k", fingerprint=b"one")).id == first.id
    await bench.yard.jobs.finish(await bench.claim(first), State.SUCCEEDED)
    again = await bench.submit(idempotency_key="k", fingerprint=b"one")
    assert (again.id, again.state) == (first.id, State.SUCCEEDED)


async def test_the_same_key_with_another_body_is_refused(bench: Bench) -> None:
    """Invariant 3."""
    await bench.submit(idempotency_key="k", fingerprint=b"one")
    with pytest.raises(IdempotencyReused, match="'k'"):
        await bench.submit(idempotency_key="k", fingerprint=b"two")


async def test_twenty_submits_at_once_with_one_key_give_one_job(bench: Bench) -> None:
    """Invariant 3."""
    jobs = await asyncio.gather(*(bench.submit(idempotency_key="k", fingerprint=b"one") for _ in range(20)))
    assert len({job.id for job in jobs}) == 1
    assert await bench.yard.database.fetchval("SELECT count(*) FROM jobs WHERE kind = $1", bench.kind) == 1
    assert await bench.yard.database.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = $1", bench.kind) == 1


async def test_a_key_belongs_to_its_owner(bench: Bench) -> None:
    """Invariant 4: the key of another neither collides nor reveals."""
    mine = await bench.submit(idempotency_key="k", fingerprint=b"one")
    theirs = await bench.submit(idempotency_key="k", fingerprint=b"two", owner=uuid4())
    assert mine.id != theirs.id


async def test_a_second_request_while_the_first_is_being_read_is_refused(bench: Bench) -> None:
    """Invariant 3."""
    in_flight, scope = bench.yard.in_flight, str(bench.owner)
    async with in_flight.reading(scope, "k"):
        with pytest.raises(RequestInFlight, match="'k'"):
            async with in_flight.reading(scope, "k"):
                pass
        async with in_flight.reading(scope, "another"), in_flight.reading("somebody else", "k"):
            pass
    async with in_flight.reading(scope, "k"):
        pass


async def test_requests_without_a_key_never_meet(bench: Bench) -> None:
    async with bench.yard.in_flight.reading("s", None), bench.yard.in_flight.reading("s", None):
        pass


async def test_a_request_cancelled_at_any_moment_lets_go_of_its_key(bench: Bench) -> None:
    """Invariant 3: whoever comes after a client that hung up is not told for ever that the key is in use."""
    elsewhere = Signals(bench.yard.database)
    await elsewhere.start()
    for steps in range(12):
        entered = asyncio.Event()

        async def read(key: str, entered: asyncio.Event = entered) -> None:
            async with bench.yard.in_flight.reading(str(bench.owner), key):
                entered.set()
                await asyncio.Event().wait()

        reading = asyncio.create_task(read(f"k{steps}"))
        if steps == 11:
            await entered.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        for in_flight in (bench.yard.in_flight, InFlight(elsewhere)):
            async with in_flight.reading(str(bench.owner), f"k{steps}"):
                pass
    await elsewhere.stop()


async def test_a_parent_that_ends_gets_no_more_children(bench: Bench) -> None:
    """Invariant 1: nobody would wait for them, and nobody could cancel them."""
    parent = await bench.started()
    await bench.yard.jobs.cancel(parent.id)
    with pytest.raises(JobEnded):
        await bench.submit(parent=parent.id)
    await bench.yard.jobs.finish(parent, State.CANCELLED)
    with pytest.raises(JobEnded):
        await bench.submit(parent=parent.id)
    with pytest.raises(JobNotFound):
        await bench.submit(parent=uuid4())


async def test_a_job_of_a_transaction_is_there_when_it_commits_and_only_then(bench: Bench) -> None:
    """Invariant 1: what asked for it and the job itself are one fact."""
    async with bench.yard.database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        never = await bench.yard.jobs.submit(bench.new(), connection=connection)
        await transaction.rollback()
        with pytest.raises(JobNotFound):
            await bench.get(never)
        async with connection.transaction():
            new = bench.new(idempotency_key="k")
            job = await bench.yard.jobs.submit(new, connection=connection)
            assert (await bench.yard.jobs.submit(new, connection=connection)).id == job.id
    assert (await bench.claim(job)).attempt == 1
