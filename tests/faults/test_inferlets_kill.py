"""kill -9 of the server, the worker, an instance process and Postgres while programs talk.

Nothing they say is lost, doubled or out of order for clients of ours; original clients get what they missed (invariants 2 and 7).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import psutil
import pytest

import pie
from pie import Event
from runyard.testing.faults import Reset
from runyard.testing.proxy import FaultProxy
from runyard.testing.running import RunningYard, wait_until
from tests.conformance.inferlets import programs
from tests.conformance.inferlets.original import Original
from tests.conformance.inferlets.wire import said, wire

from .conftest import until
from .test_kill import kill_postgres, kill_server, kill_worker

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(180)]

NUMBERS = 600
DEADLINE = 60.0
SETTINGS = {"heartbeat_seconds": "1.5", "drain_seconds": "3", "inferlet_processes": "2"}
COUNTING = programs.counting(NUMBERS, pause=3)
FOR_EVER = programs.counting(900_000, pause=5)


@pytest.fixture(scope="module")
def fragile(yard_database: str) -> Iterator[RunningYard]:
    """A yard that notices lost workers quickly; its worker is its child."""
    with RunningYard(database_url=yard_database, settings=SETTINGS) as yard:
        yield yard


@pytest.fixture(scope="module")
def apart() -> Iterator[RunningYard]:
    """A yard with a database of its own, whose worker is as if on another machine: it survives the server."""
    with RunningYard(settings=SETTINGS, worker=False) as yard, worker_of(yard):
        yield yard


@contextmanager
def worker_of(yard: RunningYard) -> Iterator[subprocess.Popen[bytes]]:
    with (yard.data_dir / "worker.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "runyard", "worker"],
            env=yard.environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@asynccontextmanager
async def client_of(url: str, name: str = "ada") -> AsyncIterator[pie.PieClient]:
    async with asyncio.timeout(2 * DEADLINE), pie.PieClient(url, timeout=DEADLINE, reconnect=DEADLINE) as client:
        await client.authenticate(name)
        yield client


class Listener:
    """Collects what an instance says, and tells when it has said so much."""

    def __init__(self, instance: pie.Instance) -> None:
        self.said: list[str | bytes] = []
        self.end: Event | None = None
        self.text = ""
        self._instance = instance
        self._grew = asyncio.Event()

    async def run(self) -> None:
        async for event, content in self._instance:
            if event.terminal:
                self.end, self.text = event, str(content)
            else:
                self.said.append(content)
            self._grew.set()

    async def heard(self, count: int) -> None:
        while len(self.said) < count and self.end is None:
            self._grew.clear()
            await self._grew.wait()

    def is_complete(self) -> bool:
        return self.said == numbers(NUMBERS) and self.end is Event.Completed

    def is_unbroken(self) -> bool:
        """Whether it is what was said, up to some moment."""
        return self.said == numbers(len(self.said))


def numbers(count: int, *, first: int = 1) -> list[str | bytes]:
    return [f"{number:06}" for number in range(first, first + count)]


@asynccontextmanager
async def listening(client: pie.PieClient, program: bytes) -> AsyncIterator[tuple[pie.Instance, Listener]]:
    """A program that has begun to count."""
    instance = await client.launch_instance(await client.upload_program(program))
    listener = Listener(instance)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(listener.run())
        await listener.heard(50)
        yield instance, listener
        await task


# ---------------------------------------------------------------- what serves


@pytest.mark.parametrize("kill", [kill_server, kill_postgres])
async def test_clients_of_ours_miss_nothing_and_hear_nothing_twice(
    apart: RunningYard, kill: Callable[[RunningYard], None]
) -> None:
    async with client_of(apart.inferlets_url) as client:
        async with listening(client, COUNTING) as (_, first), listening(client, COUNTING) as (_, second):
            await asyncio.to_thread(kill, apart)
        assert first.is_complete(), (first.end, first.text, len(first.said))
        assert second.is_complete(), (second.end, second.text, len(second.said))


async def test_a_network_that_breaks_costs_nothing(fragile: RunningYard) -> None:
    port = int(fragile.inferlets_url.rsplit(":", 1)[1])
    async with FaultProxy("127.0.0.1", port) as proxy, client_of(f"ws://127.0.0.1:{proxy.port}") as client:
        async with listening(client, COUNTING) as (_, listener):
            for _ in range(4):
                before = proxy.connections
                cut = proxy.inject(Reset())
                await proxy.wait_until(lambda proxy: proxy.open_connections == 0, timeout=DEADLINE)
                cut.remove()
                await proxy.wait_connections(before + 1, timeout=DEADLINE)
                await listener.heard(len(listener.said) + 50)
            assert listener.end is None
        assert listener.is_complete()


async def test_an_original_client_gets_what_it_missed(apart: RunningYard) -> None:
    """It has no numbers, and connects again by hand."""
    async with asyncio.timeout(DEADLINE):
        async with wire(apart.inferlets_url, "eve") as eve:
            instance = await eve.run(programs.ECHO)
            for number in range(50):
                await eve.signal(instance, str(number))
            assert [said(await eve.event(instance))[1] for _ in range(50)] == [str(number) for number in range(50)]
            await asyncio.to_thread(kill_server, apart)
        async with wire(apart.inferlets_url, "eve") as deaf:
            for number in range(50, 80):
                await deaf.signal(instance, str(number))
            await deaf.ping()
        async with Original(apart.inferlets_url) as eve_again:
            await eve_again.authenticate("eve")
            attached = await eve_again.attach_instance(instance)
            missed = [str(number) for number in range(50, 80)]
            heard: list[str | bytes] = []
            while heard[-30:] != missed:
                heard.append((await attached.recv())[1])
            assert heard in (missed, [str(number) for number in range(80)])


# ---------------------------------------------------------------- what runs programs


async def test_a_worker_that_dies_ends_its_instances_and_the_next_one_works(fragile: RunningYard) -> None:
    """What a program held in memory is lost; what it said isn't, and its end is told once."""
    async with client_of(fragile.inferlets_url) as client:
        below = fragile.worker().children(recursive=True)
        async with listening(client, FOR_EVER) as (_, listener):
            await asyncio.to_thread(kill_worker, fragile)
        assert listener.is_unbroken()
        assert listener.end is Event.ServerError
        assert "interrupted" in listener.text
        await until(lambda: not any(lives(process) for process in below), "its processes to end")
        await converses(client)


async def test_an_instance_process_that_dies_takes_only_its_own_with_it(fragile: RunningYard) -> None:
    async with client_of(fragile.inferlets_url) as client:
        program = await client.upload_program(programs.ECHO)
        instances: list[pie.Instance] = []
        while not are_shared_out(instance_processes(fragile)):
            instances.append(await client.launch_instance(program))
            await instances[-1].send("there?")
            assert await instances[-1].recv() == (Event.Message, "there?")
        victim, _ = instance_processes(fragile)
        victim.kill()
        ended = [instance for instance in instances if await answers(instance) is None]
        assert 0 < len(ended) < len(instances)
        await converses(client)
        for instance in instances:
            if instance not in ended:
                await instance.terminate()


async def answers(instance: pie.Instance) -> str | bytes | None:
    """What it says to a message; None if it has ended."""
    await instance.send("still there?")
    event, content = await instance.recv()
    if event is Event.Message:
        return content
    assert event is Event.ServerError, (event, content)
    assert content
    return None


async def converses(client: pie.PieClient) -> None:
    """A new program works."""
    instance = await client.launch_instance(await client.upload_program(programs.ECHO))
    await instance.send("hello")
    assert await instance.recv() == (Event.Message, "hello")
    await instance.terminate()
    assert (await instance.recv())[0] in {Event.Aborted, Event.Completed}


# ---------------------------------------------------------------- no orphans


@pytest.mark.parametrize("way", ["killed", "stopped"])
async def test_a_yard_that_starts_again_has_no_orphans(fragile: RunningYard, way: str) -> None:
    """Detached or not: every instance ends, is told to have ended, and leaves no process."""
    async with client_of(fragile.inferlets_url) as client:
        detached = await client.launch_instance(await client.upload_program(FOR_EVER), detached=True)
        async with listening(client, FOR_EVER) as (_, listener):
            below = fragile.worker().children(recursive=True)
            if way == "stopped":
                await asyncio.to_thread(fragile.stop)
                await asyncio.to_thread(fragile.start)
            else:
                await asyncio.to_thread(kill_server, fragile)
        assert listener.is_unbroken()
        assert listener.end is Event.ServerError, (listener.end, listener.text)
        late = Listener(await client.attach_instance(detached.id))
        await late.run()
        assert late.is_unbroken()
        assert late.end is Event.ServerError
        await until(lambda: not any(lives(process) for process in below), "the processes to end")
        await converses(client)


def instance_processes(yard: RunningYard) -> list[psutil.Process]:
    """The processes below the worker that run programs, without the sandbox around them."""
    found: list[psutil.Process] = []

    def look() -> bool:
        found[:] = [one for one in yard.worker().children(recursive=True) if lives(one) and runs_programs(one)]
        return bool(found)

    wait_until(look, "an instance process")
    return found


def runs_programs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.name().startswith("python") and "runyard.services.inferlets.runtime.host" in process.cmdline()
    return False


def are_shared_out(processes: list[psutil.Process]) -> bool:
    """Whether both have an instance: each instance is a thread, and there are two without any."""
    return len(processes) == 2 and all(process.num_threads() > 2 for process in processes)


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
