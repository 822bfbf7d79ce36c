"""The fault proxy does to real sockets, to the byte, what each fault says, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import resource
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import uvloop

from runyard.testing import proxy as proxies
from runyard.testing.faults import Blackhole, Cut, Fault, HalfClose, Latency, Reset, Slice, Throttle
from runyard.testing.proxy import FaultProxy

DEADLINE = 20.0  # seconds for anything that is bound to happen; nothing is measured against it

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Server:
    """An upstream server that hands each accepted connection to the test."""

    port: int = 0
    accepted: asyncio.Queue[Stream] = field(default_factory=asyncio.Queue)

    async def next(self) -> Stream:
        async with asyncio.timeout(DEADLINE):
            return await self.accepted.get()


@contextlib.asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None,
):
    """A real server: it answers by `answer`, or else the test plays its part by `next()`."""
    server = Server()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if answer is None:
            await server.accepted.put((reader, writer))
            return
        with contextlib.suppress(ConnectionError):
            await answer(reader, writer)
        await left(writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in writers:
            await left(writer)


@pytest.fixture
async def upstream() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def proxy(upstream: Server) -> AsyncIterator[FaultProxy]:
    async with FaultProxy("127.0.0.1", upstream.port) as proxy:
        yield proxy


async def connect(proxy: FaultProxy) -> Stream:
    return await asyncio.open_connection(proxy.host, proxy.port)


async def left(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE):
        return await reader.read()


async def read(reader: asyncio.StreamReader, count: int) -> bytes:
    async with asyncio.timeout(DEADLINE):
        return await reader.readexactly(count)


async def read_until_reset(reader: asyncio.StreamReader) -> bytes:
    got = b""
    try:
        async with asyncio.timeout(DEADLINE):
            while piece := await reader.read(100):
                got += piece
    except ConnectionResetError:
        return got
    pytest.fail(f"ended in good order after {got!r}")


async def pair(proxy: FaultProxy, upstream: Server) -> tuple[Stream, Stream]:
    client = await connect(proxy)
    return client, await upstream.next()


# Without faults


async def test_it_forwards_both_ways_unchanged_and_counts(upstream: Server, proxy: FaultProxy) -> None:
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    question, answer = random.Random(1).randbytes(300_000), random.Random(2).randbytes(3_000_000)

    async def ask() -> None:
        client.write(question)
        client.write_eof()
        await client.drain()

    async def serve() -> None:
        assert await read_all(server_reads) == question
        server.write(answer)
        await server.drain()
        await left(server)

    _, _, got = await asyncio.gather(ask(), serve(), read_all(client_reads))
    assert got == answer
    await left(client)
    await proxy.wait_until(lambda proxy: proxy.open_connections == 0)
    assert (proxy.connections, proxy.bytes_up, proxy.bytes_down) == (1, len(question), len(answer))


async def test_an_end_in_one_direction_leaves_the_other_open(upstream: Server, proxy: FaultProxy) -> None:
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    client.write_eof()
    assert await read_all(server_reads) == b""
    server.write(b"still here")
    assert await read(client_reads, 10) == b"still here"
    await left(client)


@pytest.mark.parametrize("who", ["client", "server"])
async def test_a_reset_by_one_end_reaches_the_other(upstream: Server, proxy: FaultProxy, who: str) -> None:
    client, server = await pair(proxy, upstream)
    (_, resetting), (reads, other) = (client, server) if who == "client" else (server, client)
    resetting.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    resetting.transport.abort()
    assert await read_until_reset(reads) == b""
    await left(other)


async def test_a_server_that_is_down_resets_the_client(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with FaultProxy("127.0.0.1", nobody.getsockname()[1]) as proxy:
            reads, client = await connect(proxy)
            assert await read_until_reset(reads) == b""
            await left(client)
    assert "cannot reach its upstream" in caplog.text


async def test_the_upstream_may_move(upstream: Server, proxy: FaultProxy) -> None:
    async with serving() as elsewhere:
        proxy.upstream_host, proxy.upstream_port = "localhost", elsewhere.port
        _, client = await connect(proxy)
        client.write(b"x")
        reads, _ = await elsewhere.next()
        assert await read(reads, 1) == b"x"
        await left(client)
    assert upstream.accepted.empty()


# Cut and reset

STREAM = b'id: 7\ndata: {"type": "log", "data": "ok"}\n\n'


@pytest.mark.parametrize("fault", [Cut, Reset])
async def test_a_download_ends_after_exactly_that_byte(fault: type[Cut | Reset]) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM * 2)
        await writer.drain()

    async with serving(answer) as server, FaultProxy("127.0.0.1", server.port) as proxy:
        for count in range(len(STREAM) + 1):
            proxy.inject(fault(count), times=1)
            reads, client = await connect(proxy)
            got = await (read_all if fault is Cut else read_until_reset)(reads)
            assert got == STREAM[:count]
            await left(client)


@pytest.mark.parametrize("fault", [Cut, Reset])
async def test_an_upload_ends_after_exactly_that_byte(
    upstream: Server, proxy: FaultProxy, fault: type[Cut | Reset]
) -> None:
    for count in range(1, len(STREAM) + 1):
        proxy.inject(fault(count), "up", times=1)
        _, client = await connect(proxy)
        client.write(STREAM * 2)
        reads, server = await upstream.next()
        got = await (read_all if fault is Cut else read_until_reset)(reads)
        assert got == STREAM[:count]
        await left(client)
        await left(server)


@contextlib.asynccontextmanager
async def bare_client(proxy: FaultProxy):
    """A client's socket without the event loop's buffers, so that the test alone decides when it reads."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.setblocking(False)
        async with asyncio.timeout(DEADLINE):
            await asyncio.get_running_loop().sock_connect(client, (proxy.host, proxy.port))
            yield client


@pytest.mark.parametrize("fault", [Cut(1_500_000), Reset(1_500_000)])
async def test_a_slow_reader_still_gets_every_byte_before_the_end(
    upstream: Server, proxy: FaultProxy, fault: Cut | Reset
) -> None:
    payload = random.Random(3).randbytes(2_000_000)
    proxy.inject(fault)
    async with bare_client(proxy) as client:
        _, server = await upstream.next()
        server.write(payload)
        await proxy.wait_until(lambda proxy: proxy.bytes_down == 1_500_000)  # most of it waits in the kernel
        got, reset = bytearray(), False
        try:
            while piece := await asyncio.get_running_loop().sock_recv(client, 65536):
                got += piece
                await asyncio.sleep(0)  # the proxy has its turn, and could close too early
        except ConnectionResetError:
            reset = True
    assert got == payload[:1_500_000]
    assert reset == isinstance(fault, Reset)


async def test_a_receiver_slower_than_the_sender_loses_nothing(upstream: Server, proxy: FaultProxy) -> None:
    payload = random.Random(6).randbytes(12_000_000)  # more than the kernel holds for one connection
    async with bare_client(proxy) as client:
        _, server = await upstream.next()
        server.write(payload)
        server.write_eof()
        await proxy.wait_until(lambda proxy: proxy.bytes_down > 0)
        delivered, turns = 0, 0
        while turns < 50:  # of the event loop, without progress: the proxy waits for the client
            await asyncio.sleep(0)
            turns = turns + 1 if delivered == proxy.bytes_down else 0
            delivered = proxy.bytes_down
        got = bytearray()
        while piece := await asyncio.get_running_loop().sock_recv(client, 65536):
            got += piece
    assert got == payload


async def test_a_cut_is_in_good_order_even_while_the_client_is_sending(upstream: Server, proxy: FaultProxy) -> None:
    proxy.inject(Blackhole(), "up")
    async with bare_client(proxy) as client:
        _, server = await upstream.next()
        with contextlib.suppress(BlockingIOError):
            while True:  # more than the proxy will read
                client.send(bytes(65536))
        server.write(b"answer")
        proxy.inject(Cut(6))
        got = b""
        while piece := await asyncio.get_running_loop().sock_recv(client, 100):
            got += piece
    assert got == b"answer"


async def test_cut_after_no_bytes_lets_nothing_pass_in_either_direction(upstream: Server, proxy: FaultProxy) -> None:
    proxy.inject(Cut())
    reads, client = await connect(proxy)
    client.write(b"never seen")
    assert await read_all(reads) == b""
    await left(client)
    assert upstream.accepted.empty()
    assert proxy.bytes_up == 0


@pytest.mark.parametrize("fault", [Cut(lazy=True), Reset(lazy=True)])
async def test_a_lazy_end_serves_the_request_and_loses_the_answer(
    upstream: Server, proxy: FaultProxy, fault: Cut | Reset
) -> None:
    proxy.inject(fault)
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    client.write(b"request")
    assert await read(server_reads, 7) == b"request"
    server.write(b"answer")
    got = await (read_all if isinstance(fault, Cut) else read_until_reset)(client_reads)
    assert got == b""
    assert proxy.bytes_down == 0
    await left(client)


async def test_a_cut_of_an_open_connection_counts_from_now(upstream: Server, proxy: FaultProxy) -> None:
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    server.write(b"before")
    assert await read(client_reads, 6) == b"before"
    proxy.inject(Cut(2))
    server.write(b"after")
    assert await read_all(client_reads) == b"af"
    assert await read_all(server_reads) == b""  # both ends are told
    await left(client)


async def test_an_idle_connection_is_cut_at_once(upstream: Server, proxy: FaultProxy) -> None:
    (client_reads, client), (server_reads, _) = await pair(proxy, upstream)
    with proxy.inject(Cut()):
        assert await read_all(client_reads) == b""
        assert await read_all(server_reads) == b""
    await left(client)


# Half-close and blackhole


async def test_half_close_ends_one_direction_only(upstream: Server, proxy: FaultProxy) -> None:
    proxy.inject(HalfClose(3))
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    server.write(b"answer")
    assert await read_all(client_reads) == b"ans"
    client.write(b"more")
    assert await read(server_reads, 4) == b"more"
    server.write(b"x" * 3_000_000)  # lost, but it must not block
    await server.drain()
    await left(server)
    await left(client)
    await proxy.wait_until(lambda proxy: proxy.open_connections == 0)
    assert proxy.bytes_down == 3


async def test_a_blackhole_keeps_bytes_and_end_until_it_is_removed(upstream: Server, proxy: FaultProxy) -> None:
    hole = proxy.inject(Blackhole(2))
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    server.write(b"answer")
    await server.drain()
    server.write_eof()
    assert await read(client_reads, 2) == b"an"
    client.write(b"are you there?")  # the other direction is not affected
    assert await read(server_reads, 14) == b"are you there?"
    assert not client_reads.at_eof()
    assert (proxy.bytes_down, proxy.open_connections) == (2, 1)
    hole.remove()
    assert await read_all(client_reads) == b"swer"
    await left(client)


# Latency, throttle, slice


async def test_latency_delays_only_what_it_is_for(upstream: Server, proxy: FaultProxy) -> None:
    proxy.inject(Latency(3600), times=1)
    (_, slow), (_, slow_server) = await pair(proxy, upstream)
    (fast_reads, fast), (_, fast_server) = await pair(proxy, upstream)
    slow_server.write(b"first")
    fast_server.write(b"second")
    assert await read(fast_reads, 6) == b"second"
    assert proxy.bytes_down == 6
    await left(slow)
    await left(fast)


@pytest.mark.parametrize(
    "fault", [Latency(0.005, jitter=0.005), Throttle(10_000_000), Slice(7, pause=0), Slice(1000)], ids=repr
)
async def test_slow_lines_lose_and_reorder_nothing(upstream: Server, proxy: FaultProxy, fault: Fault) -> None:
    proxy.inject(fault)
    proxy.inject(fault, "up")
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    payload = random.Random(4).randbytes(20_000)
    client.write(payload)
    client.write_eof()
    assert await read_all(server_reads) == payload
    server.write(payload)
    server.write_eof()
    assert await read_all(client_reads) == payload
    await left(client)


async def test_faults_combine(upstream: Server, proxy: FaultProxy) -> None:
    for fault in (Latency(0.002), Slice(3), Throttle(100_000), Cut(1000)):
        proxy.inject(fault)
    (reads, client), (_, server) = await pair(proxy, upstream)
    payload = random.Random(5).randbytes(5000)
    server.write(payload)
    assert await read_all(reads) == payload[:1000]
    await left(client)


# Which connections


async def test_once_means_the_next_connection_only(upstream: Server, proxy: FaultProxy) -> None:
    (first_reads, first), (_, first_server) = await pair(proxy, upstream)
    proxy.inject(Cut(1), times=1)
    (second_reads, second), (_, second_server) = await pair(proxy, upstream)
    (third_reads, third), (_, third_server) = await pair(proxy, upstream)
    for server in (first_server, second_server, third_server):
        server.write(b"abc")
    assert await read(first_reads, 3) == b"abc"
    assert await read_all(second_reads) == b"a"
    assert await read(third_reads, 3) == b"abc"
    for client in (first, second, third):
        await left(client)


async def test_a_removed_fault_spares_open_and_new_connections(upstream: Server, proxy: FaultProxy) -> None:
    with proxy.inject(Cut(5)):
        (open_reads, opened), (_, open_server) = await pair(proxy, upstream)
    (new_reads, new), (_, new_server) = await pair(proxy, upstream)
    for reads, server in ((open_reads, open_server), (new_reads, new_server)):
        server.write(b"0123456789")
        assert await read(reads, 10) == b"0123456789"
    await left(opened)
    await left(new)


async def test_clear_removes_all_faults(upstream: Server, proxy: FaultProxy) -> None:
    proxy.inject(Blackhole(), "down")
    proxy.inject(Blackhole(), "up", times=1)
    (client_reads, client), (server_reads, server) = await pair(proxy, upstream)
    proxy.refuse_connections()
    client.write(b"up")
    server.write(b"down")
    proxy.clear()
    assert await read(client_reads, 4) == b"down"
    assert await read(server_reads, 2) == b"up"
    (_, another), _ = await pair(proxy, upstream)
    await left(client)
    await left(another)


async def test_refused_connections_find_the_same_port_again(upstream: Server, proxy: FaultProxy) -> None:
    (reads, client), (_, server) = await pair(proxy, upstream)
    port = proxy.port
    proxy.refuse_connections()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    server.write(b"open ones live on")
    assert await read(reads, 17) == b"open ones live on"
    proxy.accept_connections()
    assert proxy.port == port
    (_, again), _ = await pair(proxy, upstream)
    assert proxy.connections == 2
    await left(client)
    await left(again)


# Waiting


async def test_wait_connections_counts_all_of_them(proxy: FaultProxy) -> None:
    waiting = asyncio.create_task(proxy.wait_connections(2))
    for _ in range(2):
        _, client = await connect(proxy)
        await left(client)
    await waiting
    assert proxy.connections == 2


async def test_a_wait_in_vain_says_where_the_proxy_stands(proxy: FaultProxy) -> None:
    with pytest.raises(TimeoutError, match=r"waited 0.01 s in vain.*connections=0, open=0, bytes_up=0"):
        await proxy.wait_connections(1, timeout=0.01)


# Mistakes


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: Latency(0.1, jitter=0.2), r"Latency\(seconds=0.1, jitter=0.2\): jitter"),
        (lambda: Latency(-1), "Latency"),
        (lambda: Throttle(0), r"Throttle\(bytes_per_second=0\): .*Blackhole"),
        (lambda: Slice(0), r"Slice\(size=0"),
        (lambda: Cut(-1), r"Cut\(after=-1"),
        (lambda: FaultProxy("127.0.0.1", 1).inject(Cut(), times=0), "times=0"),
        (lambda: FaultProxy("127.0.0.1", 1).inject(Cut(), "downstream"), "direction='downstream'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(mistake: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mistake()


def test_a_proxy_that_is_not_open_has_no_port() -> None:
    with pytest.raises(RuntimeError, match="async with proxy"):
        _ = FaultProxy("127.0.0.1", 1).port


# Cleanliness


async def test_nothing_is_left_behind(upstream: Server) -> None:
    def sockets() -> int:
        """Those to the proxy and from it: the process is shared with other tests' fixtures."""
        gc.collect()
        ends = ((one.laddr, one.raddr) for one in psutil.Process().net_connections("tcp"))
        return sum(any(end and end.port in ports for end in pair) for pair in ends)

    def tasks() -> set[asyncio.Task[object]]:
        """Those of the proxy: the loop is shared with other tests' fixtures, whose tasks come and go."""
        folder = Path(proxies.__file__).parent
        return {task for task in asyncio.all_tasks() if Path(task.get_coro().cr_code.co_filename).parent == folder}

    ports = {upstream.port}
    before = sockets()
    assert tasks() == set()
    faults: list[Fault] = [Cut(2), Reset(2), HalfClose(1), Blackhole(1), Latency(3600), Throttle(1), Slice(1)]
    async with FaultProxy("127.0.0.1", upstream.port) as proxy:
        ports.add(proxy.port)
        clients, servers = [], []
        for fault in [*faults, Cut(), Reset(), *faults]:
            proxy.inject(fault, times=1)
            clients.append((await connect(proxy))[1])
            if fault in faults:
                _, server = await upstream.next()
                server.write(b"some bytes")
                servers.append(server)
        _, client = await connect(proxy)  # not even handed to the loop when the proxy closes
        proxy.refuse_connections()
    assert proxy.open_connections == 0
    for writer in [*clients, *servers, client]:
        await left(writer)
    while not upstream.accepted.empty():
        await left(upstream.accepted.get_nowait()[1])
    assert tasks() == set()
    assert sockets() == before


async def test_a_proxy_that_cannot_accept_stops_and_says_so_at_the_end(upstream: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    proxy = FaultProxy("127.0.0.1", upstream.port)
    await proxy.__aenter__()
    with socket.create_connection((proxy.host, proxy.port)) as client:  # the kernel takes it; we have not yet
        client.setblocking(False)
        first_free = os.dup(0)
        os.close(first_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
        try:
            async with asyncio.timeout(DEADLINE):
                with pytest.raises(ConnectionResetError):
                    await asyncio.get_running_loop().sock_recv(client, 1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with pytest.raises(BaseExceptionGroup, match="the fault proxy itself failed") as failed:
        await proxy.aclose()
    assert failed.group_contains(OSError, match="Too many open files")


def test_it_runs_on_uvloop() -> None:
    async def cut_and_reset() -> None:
        async with serving() as upstream, FaultProxy("127.0.0.1", upstream.port) as proxy:
            for fault, read_to_end in ((Cut(9), read_all), (Reset(9), read_until_reset)):
                proxy.inject(fault, times=1)
                (reads, client), (_, server) = await pair(proxy, upstream)
                server.write(b"0123456789")
                assert await read_to_end(reads) == b"012345678"
                await left(client)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(cut_and_reset())
