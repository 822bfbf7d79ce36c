"""What `cl_client` promises, against a real yard whose parts fail: every end told once, nobody signed out, files whole."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from cl_client import ComputeClient, JobResponse, RetryPolicy, ServerConfig, SessionManager, WorkerUnavailableError
from runyard.clock import utc_now
from runyard.identity.tokens import Tokens
from runyard.testing.faults import Cut, Reset, Slice
from runyard.testing.proxy import FaultProxy
from runyard.testing.running import RunningYard, TestAccount
from runyard.yard import Yard

from .media import MEDIA, install_models
from .mosquitto import Mosquitto

DEADLINE = 90.0
PATIENT = RetryPolicy(attempts=40, first_delay=0.2, longest_delay=1.0)


def config_of(yard: RunningYard, *, broker: bool = True) -> ServerConfig:
    return ServerConfig(
        auth_url=yard.url,
        compute_url=yard.compute_url,
        mqtt_broker="127.0.0.1" if broker else "",
        mqtt_port=yard.mqtt_port,
    )


def compute_port(yard: RunningYard) -> int:
    return int(yard.compute_url.rpartition(":")[2])


@dataclass(slots=True)
class Told:
    """Callbacks, and what they were told."""

    ends: dict[str, list[JobResponse]] = field(default_factory=dict)
    steps: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def on_progress(self, job: JobResponse) -> None:
        self.steps.setdefault(job.job_id, []).append((job.status, job.progress))

    def on_complete(self, job: JobResponse) -> None:
        self.ends.setdefault(job.job_id, []).append(job)
        self._news.set()

    async def until(self, count: int) -> None:
        """Wait until so many jobs have ended."""
        async with asyncio.timeout(DEADLINE):
            while len(self.ends) < count:
                self._news.clear()
                await self._news.wait()

    async def submit(self, client: ComputeClient, plugin: str, source: Path | bytes, name: str) -> str:
        job = await client.submit(plugin, source, filename=name)
        client.subscribe_job_updates(job.id, self.on_progress, self.on_complete)
        return job.id


def assert_told_once(told: Told, jobs: list[str]) -> None:
    """Every end once, with its record whole; every step once and forward."""
    assert Counter({job: len(ends) for job, ends in told.ends.items()}) == Counter(dict.fromkeys(jobs, 1))
    for job in jobs:
        (end,) = told.ends[job]
        assert (end.status, end.progress) == ("completed", 100)
        assert end.task_output is not None
        assert told.steps[job][-1] == ("completed", 100)
        assert [progress for _, progress in told.steps[job]] == sorted(progress for _, progress in told.steps[job])


# ---------------------------------------------------------------- every end is told once


@pytest.mark.parametrize("broker", [True, False])
async def test_a_hundred_ends_are_told_once_each(yard: RunningYard, broker: bool) -> None:
    told = Told()
    async with ComputeClient(server_config=config_of(yard, broker=broker)) as client:

        async def one(number: int) -> str:
            return (
                await client.hash.compute(
                    f"{number}".encode(),
                    filename=f"{number}.txt",
                    on_progress=told.on_progress,
                    on_complete=told.on_complete,
                )
            ).job_id

        jobs = await asyncio.gather(*(one(number) for number in range(100)))
        await told.until(100)
        await client.hash.compute(b"last", filename="last.txt", wait=True)  # whatever was to be told twice has been
    assert_told_once(told, jobs)
    if broker:
        assert set(map(tuple, told.steps.values())) <= {
            (("queued", 0), ("processing", 0), ("completed", 100)),
            (("processing", 0), ("completed", 100)),
            (("completed", 100),),
        }


async def test_an_end_is_told_to_those_who_come_late(yard: RunningYard) -> None:
    """The moment after it, and long after it."""
    told = Told()
    async with ComputeClient(server_config=config_of(yard)) as client:
        job = await client.hash.compute(b"x", filename="a.txt", wait=True)
        for _ in range(2):
            client.subscribe_job_updates(job.job_id, on_complete=told.on_complete)
            await told.until(1)
            assert len(told.ends.pop(job.job_id)) == 1


async def test_the_yard_is_killed_and_comes_back(yard_database: str) -> None:
    told = Told()
    with RunningYard(database_url=yard_database, settings={"heartbeat_seconds": "1.5"}) as yard:
        async with ComputeClient(server_config=config_of(yard), retry=PATIENT) as client:
            before = [await told.submit(client, "hash", b"x", f"{number}.txt") for number in range(10)]
            slow = await told.submit(client, "hls_streaming", MEDIA / "clip.mp4", "clip.mp4")
            await begun(client, slow)
            await asyncio.to_thread(yard.kill)
            submitting = asyncio.gather(*(told.submit(client, "hash", b"y", f"{number}.md") for number in range(3)))
            await asyncio.to_thread(yard.start)
            after = await submitting
            await told.until(14)
            async with asyncio.timeout(DEADLINE):
                while not client._mqtt._connected:  # the ends may have been asked for before
                    await asyncio.sleep(0)
            await client.hash.compute(b"last", filename="last.txt", wait=True)
    assert_told_once(told, [*before, slow, *after])


async def test_the_broker_is_killed_and_comes_back(yard_database: str, tmp_path: Path) -> None:
    told = Told()
    with (
        Mosquitto(tmp_path) as broker,
        RunningYard(database_url=yard_database, settings={"mqtt_url": f"mqtt://127.0.0.1:{broker.port}"}) as yard,
    ):
        async with ComputeClient(server_config=config_of(yard), retry=PATIENT) as client:
            slow = await told.submit(client, "hls_streaming", MEDIA / "clip.mp4", "clip.mp4")
            await begun(client, slow)
            broker.kill()
            without = [await told.submit(client, "hash", b"x", f"{number}.txt") for number in range(5)]
            await told.until(6)  # the server is asked instead
            await asyncio.to_thread(broker.start)
            assert await client.wait_for_workers(["hash"], timeout=DEADLINE)  # announced anew
            again = [await told.submit(client, "hash", b"x", f"{number}.md") for number in range(5)]
            await told.until(11)
    assert_told_once(told, [slow, *without, *again])


async def test_a_job_waits_for_a_worker_that_can_do_it(yard_database: str, tmp_path: Path) -> None:
    with RunningYard(database_url=yard_database) as yard:
        async with ComputeClient(server_config=config_of(yard)) as client:
            assert await client.wait_for_workers(["hash"])
            with pytest.raises(WorkerUnavailableError, match="clip_embedding"):
                await client.wait_for_workers(["hash", "clip_embedding"], timeout=0.5)
            job = await client.submit("clip_embedding", MEDIA / "astronaut.jpg")
            record = await job.record()
            assert (record.status, record.waiting_for) == (
                "queued", "No worker offers clip_embedding now; the job waits for one.",
            )  # fmt: skip
            await asyncio.to_thread(install_models, yard.settings.models, tmp_path)
            yard.worker().terminate()  # the next one finds the model
            assert await client.wait_for_workers(["clip_embedding"], timeout=DEADLINE)
            done = await job.result(timeout=DEADLINE)
    assert (done.status, done.waiting_for) == ("completed", None)


async def begun(client: ComputeClient, job_id: str) -> None:
    """Wait until a worker has the job."""
    async with asyncio.timeout(DEADLINE):
        async for event in client.job(job_id).events():
            if event.status == "processing":
                return


# ---------------------------------------------------------------- nobody is signed out


@pytest.fixture(scope="module")
def ada(yard: RunningYard) -> TestAccount:
    return yard.account()


@asynccontextmanager
async def signed_in(yard: RunningYard, account: TestAccount) -> AsyncIterator[SessionManager]:
    async with SessionManager(server_config=config_of(yard)) as session:
        await session.login(account.username, account.password)
        yield session


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a new token was asked for, and how."""
    from cl_client import AuthClient

    counted: Counter[str] = Counter()

    def count(name: str) -> Callable[..., object]:
        original = getattr(AuthClient, name)

        async def counting(self: AuthClient, *args: str, **options: str) -> object:
            counted[name] += 1
            return await original(self, *args, **options)

        return counting

    for name in ("login", "refresh_token"):
        monkeypatch.setattr(AuthClient, name, count(name))
    return counted


def token_with(yard: RunningYard, account: TestAccount, left: timedelta) -> str:
    """A token of the yard's own that is good for so much longer."""

    async def issue(parts: Yard) -> str:
        users = await parts.identity.users.page(skip=0, limit=None)
        (user,) = [one for one in users if one.label == account.username]
        keys = parts.settings.data_dir / "keys"
        return await Tokens(keys, clock=lambda: utc_now() + left - timedelta(minutes=30), minutes=30).issue(user)

    return yard.inside(issue)


async def test_a_token_is_renewed_in_time_and_once_for_all(
    yard: RunningYard, ada: TestAccount, calls: Counter[str]
) -> None:
    async with signed_in(yard, ada) as session:
        client = session.create_compute_client()
        session._current_token = old = token_with(yard, ada, timedelta(seconds=40))
        jobs = await asyncio.gather(
            *(client.hash.compute(b"x", filename=f"{number}.txt", wait=True) for number in range(20))
        )
        assert calls == {"login": 1, "refresh_token": 1}
        assert session.get_token() != old
        mine = {job.job_id async for job in client.jobs()}
    assert {job.job_id for job in jobs} <= mine


async def test_a_token_that_has_expired_unseen_is_replaced(
    yard: RunningYard, ada: TestAccount, calls: Counter[str]
) -> None:
    """The machine slept: the name and the password are still known."""
    async with signed_in(yard, ada) as session:
        client = session.create_compute_client()
        session._current_token = token_with(yard, ada, timedelta(seconds=-5))
        job = await client.hash.compute(b"x", filename="a.txt", wait=True)
        assert calls["login"] == 2
        assert (await client.get_job(job.job_id)).status == "completed"


async def test_events_go_on_after_a_token_was_renewed(yard: RunningYard, ada: TestAccount) -> None:
    told = Told()
    async with signed_in(yard, ada) as session:
        client = session.create_compute_client()
        session._current_token = token_with(yard, ada, timedelta(seconds=70))
        first = await told.submit(client, "hash", b"x", "a.txt")
        session._current_token = token_with(yard, ada, timedelta(seconds=40))
        second = await told.submit(client, "hash", b"x", "b.txt")
        await told.until(2)
        assert client._mqtt._link.used_credentials == ("token", session.get_token())
    assert_told_once(told, [first, second])


# ---------------------------------------------------------------- files arrive whole


@pytest.fixture
def content() -> bytes:
    return os.urandom(3 << 20)


@pytest.mark.parametrize("fault", [Cut, Reset])
async def test_a_download_goes_on_where_it_broke(
    yard: RunningYard, tmp_path: Path, content: bytes, fault: type[Cut | Reset]
) -> None:
    async with ComputeClient(server_config=config_of(yard)) as direct:
        job = await direct.hash.compute(content, filename="large.bin", wait=True)
    seen: list[int] = []
    async with FaultProxy("127.0.0.1", compute_port(yard)) as proxy:
        for after in (500_000, 700_000, 900_000):
            proxy.inject(fault(after=after), times=1)
        async with ComputeClient(base_url=proxy.url, mqtt_broker="", retry=PATIENT) as client:
            await client.download_job_file(
                job.job_id,
                "input/large.bin",
                tmp_path / "large.bin",
                on_download=lambda have, _: seen.append(have),
            )
        assert proxy.connections > 1
        assert proxy.bytes_down < 1.5 * len(content)  # not from the beginning each time
    assert (tmp_path / "large.bin").read_bytes() == content
    assert seen == sorted(seen)
    assert [path.name for path in tmp_path.iterdir()] == ["large.bin"]


async def test_an_upload_whose_answer_is_lost_makes_one_job(yard: RunningYard, ada: TestAccount) -> None:
    async with (
        FaultProxy("127.0.0.1", compute_port(yard)) as proxy,
        signed_in(yard, ada) as session,
    ):
        direct = session.create_compute_client()
        before = {job.job_id async for job in direct.jobs()}
        async with ComputeClient(
            base_url=proxy.url, mqtt_broker="", auth_provider=direct.auth, retry=PATIENT
        ) as client:
            proxy.inject(Cut(lazy=True), times=1)
            job = await client.submit("hash", b"x", filename="a.txt")
            assert proxy.connections >= 2
            assert (await job.result()).status == "completed"
        assert {job.job_id async for job in direct.jobs()} - before == {job.id}


async def test_a_slow_network_only_takes_longer(yard: RunningYard) -> None:
    async with FaultProxy("127.0.0.1", compute_port(yard)) as proxy:
        proxy.inject(Slice(7, pause=0.0002))
        async with ComputeClient(base_url=proxy.url, mqtt_broker="") as client:
            job = await client.exif.extract(MEDIA / "astronaut.jpg", wait=True, timeout=DEADLINE)
    assert job.status == "completed"
