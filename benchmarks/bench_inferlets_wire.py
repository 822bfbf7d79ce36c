"""What an instance costs at the client, through the WebSocket: launch, echo, a crowd, upload, output.

Baselines in the same run: bare wasmtime for the launch, a bare `websockets` server in its own process for all else.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import msgpack
import psutil
from bench_inferlets import ECHO, EMPTY, OUTPUT, PRINTER, show
from blake3 import blake3
from wasmtime import Engine, Instance, Module, Store
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

import pie
from pie import Event
from runyard.testing.running import RunningYard

ROUNDS = 300
WARM = 20
CROWD, TURNS, CONNECTIONS = 200, 100, 8
UPLOAD = 20_000_000
CHUNK = 262_144
UPLOADS = 5
PAUSE = 1.0
"""Seconds after which the yard has another compiler ready."""


# ---------------------------------------------------------------- baselines


async def bare_server() -> None:
    """Sends back every frame, but of those with chunks only the last; after `output` sends as much as that says.

    Chunks are thrown away, or kept as a yard can't but keep them: in a file that outlives a loss of power, with the
    digests that the protocol and the store know it by.
    """

    async def answer(socket: ServerConnection) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            digests = blake3(), hashlib.sha256()

            def keep(data: bytes) -> None:
                for digest in digests:
                    digest.update(data)
                file.write(data)

            async for frame in socket:
                message = msgpack.unpackb(frame)
                if message["type"] == "output":
                    piece = msgpack.packb(
                        {"type": "streaming_output", "instance_id": "x", "output": {"Stdout": "x" * 65_536}}
                    )
                    for _ in range(message["pieces"]):
                        await socket.send(piece)
                    continue
                if message["type"] == "keep":
                    await asyncio.to_thread(keep, message["chunk_data"])
                if message.get("chunk_index", 0) + 1 == message.get("total_chunks", 1):
                    if message["type"] == "keep":
                        await asyncio.to_thread(os.fsync, file.fileno())
                    await socket.send(frame[:100])

    async with serve(answer, "127.0.0.1", 0, max_size=None, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def bare() -> AsyncIterator[str]:
    with subprocess.Popen([sys.executable, __file__, "bare"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"ws://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def bare_launch() -> list[float]:
    engine = Engine()
    module, took = Module(engine, EMPTY), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        store = Store(engine)
        Instance(store, module, []).exports(store)["run"](store)  # type: ignore[operator]
        took.append(time.perf_counter() - start)
    return took


async def bare_echo(url: str) -> list[float]:
    took = []
    async with connect(url, compression=None) as socket:
        for turn in range(ROUNDS):
            start = time.perf_counter()
            await socket.send(msgpack.packb({"type": "signal_instance", "instance_id": "x" * 36, "message": str(turn)}))
            await socket.recv()
            took.append(time.perf_counter() - start)
    return took


async def bare_upload(url: str, content: bytes, *, kept: bool) -> float:
    total = -(-len(content) // CHUNK)
    start = time.perf_counter()
    async with connect(url, compression=None) as socket:
        digest = blake3(content).hexdigest()
        for index in range(total):
            data = content[index * CHUNK : (index + 1) * CHUNK]
            chunk = {"chunk_index": index, "total_chunks": total, "chunk_data": data}
            kind = "keep" if kept else "upload"
            await socket.send(msgpack.packb({"type": kind, "program_hash": digest, "manifest": "", **chunk}))
        await socket.recv()
    return time.perf_counter() - start


async def bare_output(url: str) -> float:
    start, size = time.perf_counter(), 0
    async with connect(url, compression=None, max_size=None) as socket:
        await socket.send(msgpack.packb({"type": "output", "pieces": OUTPUT // 65_536}))
        while size < OUTPUT:
            size += len(msgpack.unpackb(await socket.recv())["output"]["Stdout"])
    return size / (time.perf_counter() - start)


# ---------------------------------------------------------------- the yard


async def launches(client: pie.PieClient) -> list[float]:
    program, took = await client.upload_program(EMPTY), []
    for _ in range(WARM + ROUNDS):
        start = time.perf_counter()
        instance = await client.launch_instance(program)
        event, text = await instance.recv()
        took.append(time.perf_counter() - start)
        assert event is Event.Completed, text
    return took[WARM:]


async def echoes(instance: pie.Instance, turns: int) -> list[float]:
    took = []
    for turn in range(turns):
        start = time.perf_counter()
        await instance.send(str(turn))
        assert await instance.recv() == (Event.Message, str(turn))
        took.append(time.perf_counter() - start)
    await instance.terminate()
    return took


async def crowd(url: str, program: str) -> float:
    """Every instance echoes as fast as it can; the echoes a second of all together."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(guest(url)) for _ in range(CONNECTIONS)]
        instances = await asyncio.gather(*[clients[n % CONNECTIONS].launch_instance(program) for n in range(CROWD)])
        start = time.perf_counter()
        done = await asyncio.gather(*[echoes(instance, TURNS) for instance in instances])
        return sum(map(len, done)) / (time.perf_counter() - start)


class Uploads(NamedTuple):
    """Seconds of the first upload, and of the best of several: after a pause, at once, bare, bare and kept."""

    first: float
    paused: float
    at_once: float
    bare: float
    kept: float


async def uploads(client: pie.PieClient, url: str) -> Uploads:
    """Checked, stored and compiled by the yard; and bare."""
    first, paused, bare, kept = await upload(client, 0, pause=PAUSE), [], [], []
    for number in range(1, 1 + UPLOADS):
        paused.append(await upload(client, number, pause=PAUSE))
        bare.append(await bare_upload(url, padded(EMPTY, UPLOAD, number), kept=False))
        kept.append(await bare_upload(url, padded(EMPTY, UPLOAD, number), kept=True))
    at_once = [await upload(client, 100 + number) for number in range(UPLOADS)]
    return Uploads(first, min(paused), min(at_once), min(bare), min(kept))


async def upload(client: pie.PieClient, number: int, *, pause: float = 0.0) -> float:
    content = padded(EMPTY, UPLOAD, number)
    start = time.perf_counter()
    await client.upload_program(content)
    took = time.perf_counter() - start
    await asyncio.sleep(pause)
    return took


def padded(program: bytes, size: int, number: int) -> bytes:
    """A program with a custom section that makes it long."""
    filling = b"\x03pad" + number.to_bytes(4, "big") + bytes(size)
    length, encoded = len(filling), bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return program + b"\x00" + bytes([*encoded, length]) + filling


async def output(client: pie.PieClient) -> float:
    program = await client.upload_program(PRINTER)
    start, size = time.perf_counter(), 0
    instance = await client.launch_instance(program)
    async for event, content in instance:
        if event is Event.Stdout:
            size += len(content)
    assert size == OUTPUT, size
    return size / (time.perf_counter() - start)


@asynccontextmanager
async def guest(url: str) -> AsyncIterator[pie.PieClient]:
    async with pie.PieClient(url, timeout=120) as client:
        await client.authenticate("bench")
        yield client


class Memory:
    """How much more the processes of a yard hold than they did."""

    def __init__(self, *processes: psutil.Process) -> None:
        self._processes = processes
        self._before = [process.memory_info().rss for process in processes]
        self._most = list(self._before)

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            now = (process.memory_info().rss for process in self._processes)
            self._most = [max(pair) for pair in zip(self._most, now, strict=True)]
            await asyncio.sleep(0.05)

    def __str__(self) -> str:
        grown = [most - before for most, before in zip(self._most, self._before, strict=True)]
        return f"server {grown[0] / 1e6:.0f} MB more, worker {grown[1] / 1e6:.0f} MB more"


@asynccontextmanager
async def watched(yard: RunningYard) -> AsyncIterator[Memory]:
    memory = Memory(psutil.Process(yard.pid), yard.worker())
    task = asyncio.create_task(memory.watch())
    yield memory
    task.cancel()


async def main(yard: RunningYard) -> None:
    async with bare() as url, guest(yard.inferlets_url) as client:
        show("launch, request to Completed at the client", await launches(client), show("bare wasmtime", bare_launch()))
        echo = await client.upload_program(ECHO)
        took = (await echoes(await client.launch_instance(echo), WARM + ROUNDS))[WARM:]
        show("echo through the durable log", took, show("bare websockets echo", await bare_echo(url)))
        async with watched(yard) as memory:
            rate = await crowd(yard.inferlets_url, echo)
        print(f"{CROWD} instances, {TURNS} echoes each: {rate:.0f} echoes a second, none lost; {memory}")
        found = await uploads(client, url)
        print(
            f"upload of {UPLOAD / 1e6:.0f} MB, checked, stored, compiled: {found.paused:.3f} s after a pause, the "
            f"first {found.first:.3f} s, one after the other {found.at_once:.3f} s\n"
            f"  of the rate of bare websockets that throw it away ({found.bare:.3f} s, {UPLOAD / found.bare / 1e6:.0f} "
            f"MB/s): {found.bare / found.paused:.2f}, {found.bare / found.at_once:.2f} at once\n"
            f"  of that of bare websockets that keep it, with digests ({found.kept:.3f} s, "
            f"{UPLOAD / found.kept / 1e6:.0f} MB/s): {found.kept / found.paused:.2f}, "
            f"{found.kept / found.at_once:.2f} at once"
        )
        async with watched(yard) as memory:
            rate = await output(client)
        baseline = await bare_output(url)
        print(
            f"stdout of {OUTPUT / 1e6:.0f} MB: {rate / 1e6:.0f} MB/s "
            f"(bare websockets {baseline / 1e6:.0f} MB/s: {rate / baseline:.3f}); {memory}"
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["bare"]:
        asyncio.run(bare_server())
    else:
        with RunningYard() as running:
            asyncio.run(main(running))
