"""Many programs, many clients, clients that don't read and clients that say nothing: nobody else notices, nothing is lost.

Invariants 2 and 5.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import psutil
import pytest

import pie
from pie import Event
from runyard.sizes import MIB
from runyard.testing.running import RunningYard
from tests.conformance.inferlets import programs
from tests.conformance.inferlets.wire import Wire, ends, said, wire

from .conftest import resident

INSTANCES = 200
ECHOES = 10
"""`benchmarks/bench_inferlets_wire.py` has a hundred each."""

CONNECTIONS = 8
HALF_OPEN = 10_000
SILENT = 1_000
"""Of those that have shaken hands and don't say who they are; the server keeps half as many."""

DEADLINE = 100.0
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@asynccontextmanager
async def talking_beside(yard: RunningYard, *, turns: int = 10) -> AsyncIterator[None]:
    """A conversation of some turns, for the length of the block at least: every message comes back, in order, and every ping is answered."""
    over = asyncio.Event()

    async def talk(bystander: Wire, instance: str) -> None:
        number = 0
        while not over.is_set() or number < turns:
            number += 1
            await bystander.signal(instance, str(number))
            assert said(await bystander.event(instance)) == (0, str(number))
            await bystander.ping()
            bystander.seen.clear()

    async with asyncio.timeout(DEADLINE), wire(yard.inferlets_url, "bystander") as bystander:
        instance = await bystander.run(programs.ECHO)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(talk(bystander, instance))
            try:
                yield
            finally:
                over.set()
        await bystander.ask("terminate_instance", instance_id=instance)


# ---------------------------------------------------------------- many programs


async def test_two_hundred_programs_lose_no_message(yard: RunningYard) -> None:
    """All at once, over a few connections."""

    async def converse(client: pie.PieClient, program: str, number: int) -> None:
        instance = await client.launch_instance(program, [str(number)])
        sent = [f"{number}:{turn}" for turn in range(ECHOES)]

        async def say() -> None:
            for text in sent:
                await instance.send(text)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(say())
            assert [await instance.recv() for _ in sent] == [(Event.Message, text) for text in sent]
        await instance.terminate()
        assert (await instance.recv())[0] in {Event.Completed, Event.Aborted}

    async with asyncio.timeout(DEADLINE), AsyncExitStack() as stack:
        clients = []
        for _ in range(CONNECTIONS):
            client = await stack.enter_async_context(pie.PieClient(yard.inferlets_url, timeout=DEADLINE))
            await client.authenticate("crowd")
            clients.append(client)
        program = await clients[0].upload_program(programs.ECHO)
        async with talking_beside(yard), asyncio.TaskGroup() as tasks:
            for number in range(INSTANCES):
                tasks.create_task(converse(clients[number % CONNECTIONS], program, number))


# ---------------------------------------------------------------- those who don't read


async def test_a_client_that_doesnt_read_holds_up_only_itself(yard: RunningYard) -> None:
    """Its program waits for it, the server doesn't fill up, and it gets everything in the end."""
    size = 24 * MIB
    server, worker = psutil.Process(yard.pid), yard.worker()
    async with asyncio.timeout(DEADLINE), wire(yard.inferlets_url, "sleepy", max_queue=1) as sleepy:
        instance = await sleepy.run(programs.printing(size))
        before = resident(server), resident(worker)
        sleepy.socket.transport.pause_reading()
        async with talking_beside(yard):
            async with wire(yard.inferlets_url, "sleepy", ours=True) as witness:
                answer = await witness.ask("attach_instance", instance_id=instance, after=0)
                assert answer["successful"], answer
                output = sum(len(text) for _, text in map(said, (await witness.story(instance))[:-1]))  # type: ignore[arg-type]
            assert output == size
            assert resident(server) - before[0] < 60 * MIB
            assert resident(worker) - before[1] < 60 * MIB
        sleepy.socket.transport.resume_reading()
        told = await sleepy.story(instance)
        assert sum(len(message["output"]["Stdout"]) for message in told[:-1]) == size
        assert ends(told[-1])


async def test_a_client_that_asks_and_doesnt_read_is_not_answered_without_end(yard: RunningYard) -> None:
    """Answers it doesn't take would otherwise pile up in the server."""
    server = psutil.Process(yard.pid)
    async with asyncio.timeout(DEADLINE), wire(yard.inferlets_url, "greedy", max_queue=1) as greedy:
        before = resident(server)
        greedy.socket.transport.pause_reading()
        question = {"type": "query", "corr_id": 1, "subject": "x" * 1000, "record": ""}

        async def ask() -> None:
            while True:
                await greedy.send(question)

        asking = asyncio.create_task(ask())
        async with talking_beside(yard, turns=200):
            pass
        asking.cancel()
        assert resident(server) - before < 40 * MIB
        greedy.socket.transport.abort()


# ---------------------------------------------------------------- those who say nothing


async def test_ten_thousand_half_open_connections_stop_nobody(yard: RunningYard) -> None:
    """Connections that say nothing, half a handshake, and a whole one without saying who they are."""
    server, before = psutil.Process(yard.pid), resident(psutil.Process(yard.pid))
    port = int(yard.inferlets_url.rsplit(":", 1)[1])
    with many_files(HALF_OPEN + 1_000), half_open(port) as opening:
        async with talking_beside(yard):
            for sentence, count in ((b"", 5_000), (HANDSHAKE[:60], HALF_OPEN - SILENT - 5_000), (HANDSHAKE, SILENT)):
                for _ in range(count // 100):
                    await asyncio.to_thread(opening, sentence, 100)
            async with wire(yard.inferlets_url, "newcomer") as newcomer:
                await newcomer.ping()
            assert resident(server) - before < 400 * MIB
    async with talking_beside(yard):
        pass


@contextmanager
def many_files(wanted: int) -> Iterator[None]:
    """Allow this process so many open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files a process, and {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def half_open(port: int) -> Iterator[Callable[[bytes, int], None]]:
    """Opens connections that begin with a sentence and say no more."""
    sockets: list[socket.socket] = []

    def opening(sentence: bytes, count: int) -> None:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
            sockets.append(connection)
            if sentence:
                connection.sendall(sentence)

    try:
        yield opening
    finally:
        for connection in sockets:
            connection.close()
