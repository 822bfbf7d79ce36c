"""kill -9 in the middle of media jobs: of what decodes, the worker, the server, Postgres and the broker.

Every job that was acknowledged ends once, and whoever follows it is told once (invariants 1, 2 and 7).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import aiomqtt
import psutil
import pytest

from cl_client import ComputeClient
from runyard.identity import GUEST
from runyard.testing.running import RunningYard

from .conftest import DEADLINE, Ends, connected, media_processes, running, until
from .hostile import photo
from .test_kill import kill_postgres, kill_server, kill_worker, read_facts

pytestmark = [pytest.mark.kill, pytest.mark.slow]

LARGE = (2400, 1800)
"""Pixels of a picture whose conversion takes long enough to be interrupted."""

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
SETTINGS = {"compute_slots": "2", "heartbeat_seconds": "1.5", "drain_seconds": "3"}


@pytest.fixture(scope="module")
def fragile() -> Iterator[RunningYard]:
    """A yard with a database of its own, that notices lost workers quickly."""
    with running(settings=SETTINGS) as yard:
        yield yard


@pytest.fixture
async def client(fragile: RunningYard) -> AsyncIterator[ComputeClient]:
    async with connected(fragile) as client:
        yield client


@pytest.fixture(scope="module")
def large() -> bytes:
    return photo("PNG", *LARGE)


# ---------------------------------------------------------------- what decodes


async def test_a_media_process_that_is_killed_costs_its_job_nothing(
    fragile: RunningYard, client: ComputeClient, large: bytes
) -> None:
    """Invariant 1. The file isn't to blame at once: it is tried again, in the same attempt."""
    ends = Ends()
    job = (await client.image_conversion.convert(large, "webp", on_complete=ends)).job_id
    (await working_on(fragile, job)).kill()
    (record,) = await ends.of(job)
    assert record.succeeded, record
    assert record.attempt == 1
    await told_once(fragile, client, ends)


async def test_a_file_that_kills_two_media_processes_is_to_blame(fragile: RunningYard, client: ComputeClient) -> None:
    """Invariants 1 and 7, with both processes of the worker gone twice and other jobs in line."""
    ends = Ends()
    stuck = [await client.submit("trouble", b"hello", filename="a.txt", kind="hang") for _ in range(2)]
    good = [(await client.hash.compute(photo(), on_complete=ends)).job_id for _ in range(4)]
    for job in stuck:
        client.subscribe_job_updates(job.id, on_complete=ends)
    for job in stuck:
        first = await working_on(fragile, job.id)
        first.kill()
        (await working_on(fragile, job.id, but=first)).kill()
    for record in await ends.of(*(job.id for job in stuck)):
        assert (record.status, record.reason) == ("failed", "crashed"), record
        assert record.error_message
    assert all(record.succeeded for record in await ends.of(*good))
    await told_once(fragile, client, ends)


# ---------------------------------------------------------------- what serves


@pytest.mark.parametrize("kill", [kill_worker, kill_server, kill_postgres])
async def test_every_acknowledged_job_ends_once(
    fragile: RunningYard, client: ComputeClient, large: bytes, kill: Callable[[RunningYard], None]
) -> None:
    """Invariants 1 and 2: the kill hits jobs that run, jobs in line and jobs on their way, told by broker and by poll."""
    ends = Ends()
    async with connected(fragile, mqtt_port=0) as poller:

        async def some(follower: ComputeClient) -> list[str]:
            quick = [await follower.hash.compute(photo(), on_complete=ends) for _ in range(3)]
            bad = await follower.hash.compute(photo()[:200], on_complete=ends)
            slow = await follower.image_conversion.convert(large, "webp", on_complete=ends)
            return [slow.job_id, *(one.job_id for one in quick), bad.job_id]

        before = await asyncio.gather(some(client), some(poller))
        await working_on(fragile, before[0][0])
        killing = asyncio.create_task(asyncio.to_thread(kill, fragile))
        meanwhile = await asyncio.gather(some(client), some(poller))
        await killing
        for jobs in (*before, *meanwhile):
            *good, bad = await ends.of(*jobs)
            assert all(record.succeeded for record in good), good
            assert (bad.status, bad.reason) == ("failed", "bad_media"), bad
    await told_once(fragile, client, ends)


async def test_a_killed_worker_leaves_neither_announcement_nor_processes(fragile: RunningYard) -> None:
    """Invariant 7: the broker says that it is gone; the next one comes by itself."""
    async with (
        asyncio.timeout(DEADLINE),
        aiomqtt.Client("127.0.0.1", fragile.mqtt_port) as witness,
    ):
        await witness.subscribe("inference/workers/+", qos=1)
        messages = aiter(witness.messages)
        while not (announced := await anext(messages)).payload:
            pass
        await until(lambda: media_processes(fragile), "a media process")
        below = fragile.worker().children(recursive=True)
        fragile.worker().kill()
        gone = await farewell(messages, str(announced.topic))
        assert (gone.payload, gone.retain) == (b"", False)
        while not (new := await anext(messages)).payload:
            pass
        assert new.topic != announced.topic
        assert isinstance(new.payload, bytes)
        assert "hash" in json.loads(new.payload)["capabilities"]
    await until(lambda: not any(running_still(process) for process in below), "the media processes to end")
    async with aiomqtt.Client("127.0.0.1", fragile.mqtt_port) as newcomer:
        await newcomer.subscribe("inference/workers/+", qos=1)
        async with asyncio.timeout(DEADLINE):
            assert (await anext(aiter(newcomer.messages))).topic == new.topic


# ---------------------------------------------------------------- what tells of it


class Mosquitto:
    """A broker of another make, on a port it keeps when it is started again."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        assert MOSQUITTO is not None
        command = [MOSQUITTO, "-c", str(self._conf)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await until(self._answers, "mosquitto to listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    broker.kill()


async def test_a_broker_that_dies_in_the_middle_of_a_job_delays_no_end_and_doubles_none(
    mosquitto: Mosquitto, yard_database: str, large: bytes
) -> None:
    """Invariant 2: ends are told while there is no broker, and not again when it is back and is told of them."""
    ends = Ends()
    settings = {**SETTINGS, "mqtt_url": f"mqtt://127.0.0.1:{mosquitto.port}"}
    with running(database_url=yard_database, settings=settings) as yard:
        async with connected(yard) as client:
            job = (await client.image_conversion.convert(large, "webp", on_complete=ends)).job_id
            await working_on(yard, job)
            mosquitto.kill()
            without = (await client.hash.compute(photo(), on_complete=ends)).job_id
            assert all(record.succeeded for record in await ends.of(job, without))

            await mosquitto.start()
            async with asyncio.timeout(DEADLINE), aiomqtt.Client("127.0.0.1", mosquitto.port) as witness:
                await witness.subscribe("inference/events", qos=1)
                await witness.subscribe("inference/workers/+", qos=1)
                told, workers = set[str](), set[str]()
                async for message in witness.messages:
                    assert isinstance(message.payload, bytes)
                    said = json.loads(message.payload)
                    if "event_type" not in said:
                        workers.add(said["worker_id"])
                    elif said["event_type"] == "completed":
                        told.add(said["job_id"])
                    if workers and told >= {job, without}:
                        break
            after = (await client.hash.compute(photo(), on_complete=ends)).job_id
            assert (await ends.of(after))[0].succeeded
            assert ends.were_told_once()


# ---------------------------------------------------------------- helpers


async def working_on(yard: RunningYard, job: str, *, but: psutil.Process | None = None) -> psutil.Process:
    """The media process that has the job's folder now: its working directory is the one that holds it."""
    found: list[psutil.Process] = []

    def look() -> bool:
        for folder in (yard.data_dir / "media").glob(f"*/process-*/work/{job}.*"):
            for process in media_processes(yard):
                with suppress(OSError):
                    if process != but and os.path.samefile(f"/proc/{process.pid}/cwd", folder.parent):
                        found.append(process)
        return bool(found)

    await until(look, f"a media process to work on {job}")
    return found[0]


async def told_once(yard: RunningYard, client: ComputeClient, ends: Ends) -> None:
    """Nobody is told of an end twice, and the database knows of one for each job."""
    fence = await client.hash.compute(photo(), on_complete=ends)  # later than whatever else is on its way
    await ends.of(fence.job_id)
    assert ends.were_told_once()
    facts = await asyncio.to_thread(yard.inside, lambda inside: read_facts(inside, GUEST.user_id))
    assert facts["jobs"] >= len(ends.records)
    assert facts["unended"] == 0
    assert facts["gaps"] == 0
    assert facts["ends"] == facts["jobs"]


async def farewell(messages: AsyncIterator[aiomqtt.Message], topic: str) -> aiomqtt.Message:
    """The empty message that takes the announcement on a topic away; others may be repeated until then."""
    while True:
        message = await anext(messages)
        if str(message.topic) == topic and not message.payload:
            return message


def running_still(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
