"""The pool and the ear, over a server that goes away and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from runyard.clock import utc_now
from runyard.database import Database, DatabaseUnavailable, Signals, open_database
from runyard.database import signals as signals_module
from runyard.database.embedded import EmbeddedPostgres
from runyard.jobs import NewJob, State
from runyard.logs import mask, redact
from runyard.settings import Settings
from runyard.testing.running import wait_until
from runyard.yard import Yard, open_yard

DEADLINE = 30.0


def settings(yard_database: str, **values: object) -> Settings:
    return Settings(database_url=SecretStr(yard_database), database_schema=f"test_{uuid4().hex[:12]}", **values)  # type: ignore[arg-type]


async def test_a_database_that_is_not_there_is_said_to_be_away(parts: Yard, tmp_path: Path) -> None:
    """Invariants 7 and 8."""
    chosen = Settings(database_url=SecretStr(f"postgresql://me:hunter2@/x?host={tmp_path}"), database_timeout=0.1)
    with pytest.raises(DatabaseUnavailable, match=r"0\.1 s") as refused:
        async with open_database(chosen, application="test"):
            pass
    assert "hunter2" not in f"{refused.value!r} {chosen!r} {chosen}"


async def test_a_statement_whose_connection_is_cut_is_run_again(parts: Yard) -> None:
    for _ in range(5):
        sleeping = asyncio.create_task(parts.database.fetchval(f"SELECT 'probe {uuid4().hex}' FROM pg_sleep(0.2)"))
        async with asyncio.timeout(DEADLINE):
            while not await parts.database.fetchval(_CUT):
                await asyncio.sleep(0)
        assert str(await sleeping).startswith("probe")


_CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE query LIKE 'SELECT ''probe%' AND state = 'active' AND pid <> pg_backend_pid()"""


async def test_a_transaction_that_met_a_deadlock_is_run_again(parts: Yard) -> None:
    table = f"t_{uuid4().hex[:8]}"
    await parts.database.execute(f"CREATE TABLE {table} AS SELECT n, 0 AS v FROM generate_series(1, 2) AS n")
    both = asyncio.Barrier(2)
    tries = 0

    async def add(first: int, second: int) -> None:
        async def work(connection) -> None:
            nonlocal tries
            tries += 1
            await connection.execute(f"UPDATE {table} SET v = v + 1 WHERE n = $1", first)
            if tries <= 2:
                await both.wait()
            await connection.execute(f"UPDATE {table} SET v = v + 1 WHERE n = $1", second)

        await parts.database.transaction(work)

    await asyncio.gather(add(1, 2), add(2, 1))
    assert tries == 3
    assert [row["v"] for row in await parts.database.fetch(f"SELECT v FROM {table}")] == [2, 2]
    await parts.database.execute(f"DROP TABLE {table}")


async def test_a_wrong_statement_is_not_run_again(parts: Yard) -> None:
    """Invariant 7: a mistake is told at once, not after the deadline."""
    runs = 0

    async def work(connection) -> None:
        nonlocal runs
        runs += 1
        await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await parts.database.transaction(work)
    with pytest.raises(asyncpg.DataError):
        await parts.database.fetchval("SELECT $1::bigint", 2**70)
    assert runs == 1


async def test_an_ear_hears_and_comes_back_after_a_cut(parts: Yard) -> None:
    """Invariant 2: after a cut, whoever listens is told to look, and hears again."""
    ear = Signals(parts.database)
    await ear.start()
    heard: asyncio.Queue[str] = asyncio.Queue()
    gap = asyncio.Event()
    ear.on_gap(gap.set)
    channel = f"test_{uuid4().hex[:8]}"
    await ear.listen(channel, heard.put_nowait)
    for number in range(4):
        await parts.database.execute("SELECT pg_notify($1, $2)", channel, str(number))
        async with asyncio.timeout(DEADLINE):
            assert await heard.get() == str(number)
        assert ear._connection is not None
        gap.clear()
        await parts.database.execute("SELECT pg_terminate_backend($1)", ear._connection.get_server_pid())
        async with asyncio.timeout(DEADLINE):
            await gap.wait()
    ear.unlisten(channel, heard.put_nowait)
    await parts.database.execute("SELECT pg_notify($1, 'nobody')", channel)
    assert await ear.try_lock(1234567) is True
    assert heard.empty()
    await ear.unlock(1234567)
    await ear.stop()


async def test_an_ear_that_was_cut_off_in_silence_notices(parts: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 7: no packet ever says that the way is gone, so the ear asks now and then."""
    monkeypatch.setattr(signals_module, "PULSE", 0.05)
    ear = Signals(parts.database)
    await ear.start()
    gap = asyncio.Event()
    ear.on_gap(gap.set)
    mute = ear._connection
    assert mute is not None
    pid = mute.get_server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(DEADLINE):
            await gap.wait()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ear._connection is not mute
    assert mute.is_closed()
    await ear.stop()


@pytest.mark.kill
async def test_the_next_statement_after_a_kill_of_the_server_works(ready_dir: Path) -> None:
    """Invariant 1."""
    async with open_database(Settings(data_dir=ready_dir), application="test") as database:
        await database.execute("CREATE TABLE kept (n int)")
        for number in range(3):
            await database.execute("INSERT INTO kept VALUES ($1)", number)
            await asyncio.to_thread(_kill, ready_dir)
            assert await database.fetchval("SELECT count(*) FROM kept") == number + 1


@pytest.mark.kill
async def test_jobs_survive_kills_of_the_server_at_any_moment(ready_dir: Path) -> None:
    """Invariants 1 and 2: every acknowledged submit, append and end is there, once, and watchers see no difference."""
    async with open_yard(Settings(data_dir=ready_dir), application="test") as yard:
        submitted, owner = [], uuid4()
        running = await yard.jobs.submit(NewJob(kind="k", owner=owner, tenant="t"))
        entry = await yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", running.id)
        claimed = await yard.jobs.claim(running.id, entry)  # type: ignore[arg-type]
        assert claimed is not None

        async def watch() -> list[tuple[int, bytes]]:
            return [
                (event.seq, event.body)
                async for event in yard.tails.follow(running.id, 0, idle=1.0)
                if event is not None
            ]

        watching = asyncio.create_task(watch())
        enough = asyncio.Event()
        acknowledged: asyncio.Queue[str] = asyncio.Queue()

        async def append() -> int:
            batch = 0
            while not enough.is_set():
                await yard.jobs.append(running.id, 1, batch, [(utc_now(), "log", b"%d\n" % batch)])
                batch += 1
            await yard.jobs.finish(claimed, State.SUCCEEDED)
            return batch

        async def submit() -> None:
            while not enough.is_set():
                key = f"k{len(submitted)}"
                submitted.append(await yard.jobs.submit(NewJob(kind="s", owner=owner, tenant="t", idempotency_key=key)))
                acknowledged.put_nowait(key)

        appending, submitting = asyncio.create_task(append()), asyncio.create_task(submit())
        async with asyncio.timeout(60):
            for _ in range(3):
                for _ in range(20):
                    await acknowledged.get()
                await asyncio.to_thread(_kill, ready_dir)
            enough.set()
            batches = await appending
            await submitting
            seen = await watching
        assert [seq for seq, _ in seen] == list(range(1, batches + 4))
        assert [body for _, body in seen[2:-1]] == [b"%d\n" % batch for batch in range(batches)]
        assert [(event.seq, event.body) for event in await _all(yard, running.id)] == seen
        assert {job.id for job in await yard.jobs.list(kinds=["s"], owner=owner)} == {job.id for job in submitted}


async def _all(yard: Yard, job) -> list:
    return [event async for event in yard.tails.events(await yard.jobs.get(job), 0)]


def _kill(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.pid() != pid, "the server to die")


async def test_a_closed_pool_says_so(yard_database: str) -> None:
    async with open_database(settings(yard_database), application="test") as database:
        await database.execute(f"DROP SCHEMA {database.pool and (await _schema(database))} CASCADE")
    with pytest.raises(DatabaseUnavailable):
        await database.fetchval("SELECT 1")


async def _schema(database: Database) -> object:
    return await database.fetchval("SELECT current_schema()")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key ci_abcdEFGHIJKLMNOPQRSTUVWX used", "key ci_abcd*** used"),
        ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
        ("https://pypi.example/simple", "https://pypi.example/simple"),
    ],
)
def test_secrets_are_masked_by_their_look(text: str, masked: str) -> None:
    """Invariant 8."""
    assert mask(text) == masked


@pytest.mark.parametrize("name", ["password", "Authorization", "api_key", "token", "dsn", "cookie"])
def test_secrets_are_masked_by_their_name(name: str) -> None:
    """Invariant 8."""
    assert redact(None, "info", {name: "hunter2", "event": "x"}) == {name: "***", "event": "x"}
