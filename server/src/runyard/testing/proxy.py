"""A TCP proxy that misbehaves on purpose and to the byte: tests put it between a client and its server.

`FaultProxy` is for async tests, `SyncFaultProxy` for the others. It knows no protocol: HTTP, event streams,
WebSocket and MQTT are all alike to it. Systems other than Linux may lose bytes that were sent before a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import random
import socket
import struct
import termios
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Literal, Self, TypeVar

__all__ = [
    "Blackhole",
    "Cut",
    "Direction",
    "Fault",
    "FaultProxy",
    "HalfClose",
    "Injection",
    "Latency",
    "Reset",
    "Slice",
    "SyncFaultProxy",
    "Throttle",
]

Direction = Literal["up", "down"]
"""`up` is client to server, `down` is server to client."""

T = TypeVar("T")

WINDOW = 1024 * 1024  # bytes one direction may hold back (latency, throttle) before it stops reading
CHUNK = 64 * 1024
TICK = 0.01  # seconds of bytes that a throttle lets through at a time
FLUSH_DEADLINE = 5.0  # seconds a receiver has to take what was sent before its connection is cut or reset

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Latency:
    """Every byte takes `seconds` longer, give or take `jitter` (alike each time); none overtakes another."""

    seconds: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= self.seconds:
            raise ValueError(f"{self!r}: jitter must lie between 0 and the latency itself")


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `bytes_per_second` pass, evenly: no burst after a pause."""

    bytes_per_second: float

    def __post_init__(self) -> None:
        if self.bytes_per_second <= 0:
            raise ValueError(f"{self!r}: a rate is more than 0; to stop all bytes inject Blackhole()")


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes are written at most `size` at a time, `pause` seconds apart, so that most reads see one piece."""

    size: int
    pause: float = 0.001

    def __post_init__(self) -> None:
        if self.size < 1 or self.pause < 0:
            raise ValueError(f"{self!r}: size is at least 1 byte and pause at least 0 seconds")


@dataclass(frozen=True, slots=True)
class _After:
    """A fault that acts once `after` bytes were delivered in its direction since it met the connection.

    On a connection that is open when the fault is injected the count begins then, so that 0 means now.
    With `lazy` it acts only when another byte is about to follow.
    """

    after: int = 0
    lazy: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.after < 0:
            raise ValueError(f"{self!r}: a fault acts after 0 bytes or more")


@dataclass(frozen=True, slots=True)
class Cut(_After):
    """Both ends see an orderly end (FIN). `Cut(lazy=True)` lets a request be served and loses the answer."""


@dataclass(frozen=True, slots=True)
class Reset(_After):
    """Both ends see "connection reset by peer" (RST), the receiver after exactly `after` bytes."""


@dataclass(frozen=True, slots=True)
class HalfClose(_After):
    """The receiver sees the end of this direction; its later bytes are lost. The other direction lives on."""


@dataclass(frozen=True, slots=True)
class Blackhole(_After):
    """Nothing more passes, not even an end, and nothing is closed. Once removed, all of it flows on."""


Fault = Latency | Throttle | Slice | Cut | Reset | HalfClose | Blackhole


@dataclass(slots=True, eq=False, kw_only=True)
class Injection:
    """A fault in force. `remove()` takes it back; as a context manager it lasts as long as the block."""

    fault: Fault
    direction: Direction
    times: int | None  # how many connections will still meet it; None: all
    withdraw: Callable[[Injection], None] = field(repr=False)

    def __post_init__(self) -> None:
        if self.direction not in {"up", "down"}:
            raise ValueError(f"direction={self.direction!r}: it is 'up' (to the server) or 'down'")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times={self.times!r}: a fault is for 1 connection or more, or None for all")

    def remove(self) -> None:
        """End the fault, on open connections too. A connection it has cut stays cut."""
        self.withdraw(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class FaultProxy:
    """Listens on a free loopback port and passes each connection on to the upstream server, faults included.

    `upstream_host` and `upstream_port` may be changed at any time; connections made from then on go there.
    """

    host = "127.0.0.1"

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        self.upstream_host = upstream_host
        self.upstream_port = upstream_port
        self.connections = 0  # accepted, in all
        self.bytes_up = 0  # delivered, in all
        self.bytes_down = 0
        self._injections: list[Injection] = []
        self._open: dict[_Connection, asyncio.Task[None]] = {}
        self._change = asyncio.Event()
        self._failures: list[BaseException] = []
        self._reserved: socket.socket | None = None  # keeps the port ours while nobody listens
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """Where clients connect. Ours until the proxy is closed, also while connections are refused."""
        if self._reserved is None:
            raise RuntimeError("the proxy has no port: it is open only inside `async with proxy:`")
        port: int = self._reserved.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The proxy as an HTTP address, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that were accepted and have not ended."""
        return len(self._open)

    def inject(self, fault: Fault, direction: Direction = "down", *, times: int | None = None) -> Injection:
        """Put a fault in force on all connections, open ones too, or only on the next `times` new ones."""
        injection = Injection(fault=fault, direction=direction, times=times, withdraw=self._withdraw)
        self._injections.append(injection)
        if times is None:
            for connection in self._open:
                connection.meet(injection)
        return injection

    def clear(self) -> None:
        """Remove all faults and accept connections again."""
        for injection in list(self._injections):
            self._withdraw(injection)
        self.accept_connections()

    def refuse_connections(self) -> None:
        """Be like a server that is down: new connections get "connection refused". Open ones live on."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def accept_connections(self) -> None:
        """Undo `refuse_connections`; the port is the same."""
        if self._listener is None:
            self._listener = _bound_socket(self.host, self.port)
            self._listener.listen(socket.SOMAXCONN)
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    async def wait_connections(self, count: int, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - as below
        """Wait until `count` connections have been accepted in all; `TimeoutError` if they are not."""
        await self.wait_until(lambda proxy: proxy.connections >= count, timeout=timeout)

    async def wait_until(
        self,
        condition: Callable[[FaultProxy], bool],
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - the caller's own could not say where the proxy stood
    ) -> None:
        """Wait until `condition`, which looks at the counters, holds; `TimeoutError` if it does not."""
        try:
            async with asyncio.timeout(timeout):
                while not condition(self):
                    await self._change.wait()
        except TimeoutError as error:
            raise TimeoutError(f"waited {timeout} s in vain; the proxy is at {self!r}") from error

    async def __aenter__(self) -> Self:
        self._reserved = _bound_socket(self.host, 0)
        self.accept_connections()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and drop every connection. Raises what failed in the proxy itself, if anything."""
        self.refuse_connections()
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        if self._failures:
            raise BaseExceptionGroup("the fault proxy itself failed", self._failures)

    def delivered(self, direction: Direction, count: int) -> None:
        """Count bytes that a receiver has been given; for the proxy's own connections."""
        if direction == "up":
            self.bytes_up += count
        else:
            self.bytes_down += count
        self._changed()

    def __repr__(self) -> str:
        return (
            f"<FaultProxy to {self.upstream_host}:{self.upstream_port}, connections={self.connections}, "
            f"open={self.open_connections}, bytes_up={self.bytes_up}, bytes_down={self.bytes_down}>"
        )

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # the client has left again
            return
        except OSError as error:  # no file descriptor is free: the loop would spin on the listener
            self._failures.append(error)
            self.refuse_connections()
            return
        connection = _Connection(self, client)
        for injection in self._injections:
            if injection.times != 0:
                connection.meet(injection)
            if injection.times:
                injection.times -= 1
        self.connections += 1
        self._open[connection] = task = asyncio.get_running_loop().create_task(connection.run())
        task.add_done_callback(lambda task: self._ended(connection, task))
        self._changed()

    def _ended(self, connection: _Connection, task: asyncio.Task[None]) -> None:
        connection.client.close()  # here, because a task cancelled before its first step closes nothing
        del self._open[connection]
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)
        self._changed()

    def _withdraw(self, injection: Injection) -> None:
        if injection in self._injections:
            self._injections.remove(injection)
            for connection in self._open:
                connection.forget(injection)

    def _changed(self) -> None:
        self._change.set()
        self._change = asyncio.Event()


class SyncFaultProxy:
    """`FaultProxy` for tests that are not async: the same verbs and counters, its event loop in a thread."""

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        self._proxy = FaultProxy(upstream_host, upstream_port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    host = FaultProxy.host

    @property
    def port(self) -> int:
        """As `FaultProxy.port`."""
        return self._proxy.port

    @property
    def url(self) -> str:
        """As `FaultProxy.url`."""
        return self._proxy.url

    @property
    def connections(self) -> int:
        """Connections accepted, in all."""
        return self._proxy.connections

    @property
    def open_connections(self) -> int:
        """As `FaultProxy.open_connections`."""
        return self._proxy.open_connections

    @property
    def bytes_up(self) -> int:
        """Bytes delivered to the server, in all."""
        return self._proxy.bytes_up

    @property
    def bytes_down(self) -> int:
        """Bytes delivered to clients, in all."""
        return self._proxy.bytes_down

    def move_upstream(self, host: str, port: int) -> None:
        """Send connections made from now on to another server."""
        self._proxy.upstream_host, self._proxy.upstream_port = host, port

    def inject(self, fault: Fault, direction: Direction = "down", *, times: int | None = None) -> Injection:
        """As `FaultProxy.inject`; the injection may be removed from any thread."""
        injection = self._call(lambda: self._proxy.inject(fault, direction, times=times))
        withdraw = injection.withdraw
        injection.withdraw = lambda injection: self._call(lambda: withdraw(injection))
        return injection

    def clear(self) -> None:
        """As `FaultProxy.clear`."""
        self._call(self._proxy.clear)

    def refuse_connections(self) -> None:
        """As `FaultProxy.refuse_connections`."""
        self._call(self._proxy.refuse_connections)

    def accept_connections(self) -> None:
        """As `FaultProxy.accept_connections`."""
        self._call(self._proxy.accept_connections)

    def wait_connections(self, count: int, *, timeout: float = 10.0) -> None:
        """As `FaultProxy.wait_connections`."""
        self._run(self._proxy.wait_connections(count, timeout=timeout))

    def wait_until(self, condition: Callable[[FaultProxy], bool], *, timeout: float = 10.0) -> None:
        """As `FaultProxy.wait_until`; `condition` is called in the proxy's thread."""
        self._run(self._proxy.wait_until(condition, timeout=timeout))

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._run(self._proxy.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run(self._proxy.aclose())
        finally:
            if self._loop is not None and self._thread is not None:
                self._run(self._loop.shutdown_default_executor())  # a host's name was looked up there
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()
            self._loop = self._thread = None

    def __repr__(self) -> str:
        return f"<Sync{repr(self._proxy)[1:]}"

    def _call(self, verb: Callable[[], T]) -> T:
        async def in_loop() -> T:
            return verb()

        return self._run(in_loop())

    def _run(self, work: Coroutine[object, object, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the proxy is not open: use it inside `with proxy:`")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Connection:
    """One client, its upstream connection, and the two flows between them."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        client.setblocking(False)
        self.client = client
        self._proxy = proxy
        self._flows: dict[Direction, _Flow] = {"up": _Flow(), "down": _Flow()}
        self._broken = False  # one end has reset its side
        self._bells: set[Callable[[], None]] = set()

    def meet(self, injection: Injection) -> None:
        """Put a fault in force here."""
        self._flows[injection.direction].meet(injection)
        self._wake()

    def forget(self, injection: Injection) -> None:
        """Take a fault back, if it was in force here."""
        self._flows[injection.direction].forget(injection)
        self._wake()

    async def run(self) -> None:
        """Forward until both ends are done, or one breaks, or a fault ends it; the caller closes `client`."""
        if self._ending() is not None:  # cut after 0 bytes: not one passes in the other direction either
            await self._end({"down": self.client})
            return
        try:
            upstream = await _connect(self._proxy.upstream_host, self._proxy.upstream_port)
        except OSError as error:
            logger.warning("%r cannot reach its upstream: %s", self._proxy, error)
            self._broken = True
            await self._end({"down": self.client})
            return
        with upstream:
            for each in (self.client, upstream):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump("up", self.client, upstream))
                pumps.create_task(self._pump("down", upstream, self.client))
            await self._end({"down": self.client, "up": upstream})

    async def _pump(self, direction: Direction, source: socket.socket, target: socket.socket) -> None:
        flow = self._flows[direction]
        loop = asyncio.get_running_loop()
        try:
            while not (flow.finished and flow.closed) and self._ending() is None:
                now = loop.time()
                if flow.closing(now):
                    flow.close()
                    target.shutdown(socket.SHUT_WR)
                    continue
                piece = flow.sendable(now)
                sent = _send(target, piece)
                if sent:
                    flow.sent(sent, now)
                    self._proxy.delivered(direction, sent)
                received = _receive(source, min(flow.room, CHUNK))
                if received is not None:
                    flow.feed(received, now)
                if sent or received is not None:
                    await asyncio.sleep(0)  # both sockets may be ready for ever; others want to run too
                else:
                    readable, writable = source if flow.room else None, target if piece else None
                    await self._wait(readable, writable, flow.wake_at(now))
        except OSError:
            self._broken = True
        finally:
            self._wake()  # if this was an ending, it is the other pump's as well

    def _ending(self) -> tuple[Cut | Reset, Direction | None] | None:
        """The fault that ends this connection now, and the direction whose receiver is owed all bytes."""
        if self._broken:
            return Reset(), None
        now = asyncio.get_running_loop().time()
        for direction, flow in self._flows.items():
            if (fault := flow.ending(now)) is not None:
                return fault, direction
        return None

    async def _end(self, ends: dict[Direction, socket.socket]) -> None:
        """Prepare the sockets so that closing them, the caller's next step, looks right to the peers."""
        if (ending := self._ending()) is None:
            return
        fault, direction = ending
        if isinstance(fault, Cut):
            for end in ends.values():
                with contextlib.suppress(OSError):  # the peer may have left before
                    end.shutdown(socket.SHUT_WR)
        if direction in ends:
            await _flush(ends[direction])
        if isinstance(fault, Reset):
            for end in ends.values():
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _wait(self, readable: socket.socket | None, writable: socket.socket | None, until: float | None) -> None:
        """Sleep until a socket is ready, the time has come, or `_wake` is called."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def bell() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = loop.call_at(until, bell) if until is not None else None
        self._bells.add(bell)
        if readable is not None:
            loop.add_reader(readable, bell)
        if writable is not None:
            loop.add_writer(writable, bell)
        try:
            await woken
        finally:
            self._bells.discard(bell)
            if timer is not None:
                timer.cancel()
            if readable is not None:
                loop.remove_reader(readable)
            if writable is not None:
                loop.remove_writer(writable)

    def _wake(self) -> None:
        for bell in self._bells:
            bell()


class _Flow:
    """One direction of one connection as arithmetic on bytes and times; the sockets are `_Connection`'s."""

    def __init__(self) -> None:
        self.finished = False  # the sender has ended
        self.closed = False  # the receiver has been told that no more comes
        self._met: dict[Injection, int] = {}  # and how many bytes had passed by then
        self._queue: deque[tuple[float, memoryview]] = deque()  # when due, what; empty bytes are the end
        self._held = 0
        self._passed = 0
        self._last_due = 0.0
        self._free_at = 0.0  # when throttle and slices allow the next write
        self._random = random.Random(0)  # noqa: S311 - the same jitter each time

    def meet(self, injection: Injection) -> None:
        """Put a fault in force, counting from here."""
        self._met[injection] = self._passed

    def forget(self, injection: Injection) -> None:
        """Take a fault back. Bytes that it has delayed stay delayed."""
        self._met.pop(injection, None)

    @property
    def room(self) -> int:
        """How many bytes may be fed."""
        return 0 if self.finished else WINDOW - self._held

    def feed(self, data: bytes, now: float) -> None:
        """Take what the sender has written; no bytes mean that it has ended."""
        self.finished = not data
        if self.closed:
            return
        for injection in self._met:
            if isinstance(fault := injection.fault, Latency):
                now += fault.seconds + self._random.uniform(-fault.jitter, fault.jitter)
        self._last_due = max(self._last_due, now)
        self._queue.append((self._last_due, memoryview(data)))
        self._held += len(data)

    def sendable(self, now: float) -> memoryview:
        """What the receiver may have now; perhaps nothing."""
        if self.closed or not self._queue or max(self._queue[0][0], self._free_at) > now:
            return memoryview(b"")
        _, data = self._queue[0]
        allowed = len(data)
        for injection, start in self._met.items():
            match injection.fault:
                case Slice(size=size):
                    allowed = min(allowed, size)
                case Throttle(bytes_per_second=rate):
                    allowed = min(allowed, max(1, int(rate * TICK)))
                case _After(after=after):
                    allowed = min(allowed, max(0, start + after - self._passed))
        return data[:allowed]

    def sent(self, count: int, now: float) -> None:
        """Note that the receiver has been given the first `count` bytes of what was sendable."""
        due, data = self._queue.popleft()
        if count < len(data):
            self._queue.appendleft((due, data[count:]))
        self._held -= count
        self._passed += count
        free_at = self._free_at
        for injection in self._met:
            match injection.fault:
                case Slice(pause=pause):
                    free_at = max(free_at, now + pause)
                case Throttle(bytes_per_second=rate):
                    free_at = max(free_at, max(self._free_at, now - TICK) + count / rate)
        self._free_at = free_at

    def ending(self, now: float) -> Cut | Reset | None:
        """The fault that ends the connection now, if one does."""
        return next((fault for fault in self._reached(now) if isinstance(fault, Cut | Reset)), None)

    def closing(self, now: float) -> bool:
        """Whether the receiver is to be told now that no more comes."""
        if self.closed:
            return False
        reached = list(self._reached(now))
        if any(isinstance(fault, Blackhole) for fault in reached):
            return False
        ended = bool(self._queue) and self._queue[0][0] <= now and not self._queue[0][1]
        return ended or any(isinstance(fault, HalfClose) for fault in reached)

    def close(self) -> None:
        """Drop what is still to come."""
        self.closed = True
        self._queue.clear()
        self._held = 0

    def wake_at(self, now: float) -> float | None:
        """When time alone changes what is sendable."""
        if not self._queue:
            return None
        at = max(self._queue[0][0], self._free_at)
        return at if at > now else None

    def _reached(self, now: float) -> Iterator[Fault]:
        more = bool(self._queue) and self._queue[0][0] <= now and len(self._queue[0][1]) > 0
        for injection, start in self._met.items():
            fault = injection.fault
            if isinstance(fault, _After) and (more or not fault.lazy) and self._passed >= start + fault.after:
                yield fault


def _send(target: socket.socket, piece: memoryview) -> int:
    try:
        return target.send(piece) if piece else 0
    except BlockingIOError:
        return 0


def _receive(source: socket.socket, limit: int) -> bytes | None:
    """What there is, b"" at the end, None if there is nothing yet or nothing is wanted."""
    try:
        return source.recv(limit) if limit else None
    except BlockingIOError:
        return None


async def _flush(end: socket.socket) -> None:
    """Wait until the peer's kernel has every byte: a reset throws away what it has not acknowledged."""
    with contextlib.suppress(OSError, TimeoutError):  # the peer has left, or does not read
        async with asyncio.timeout(FLUSH_DEADLINE):
            while end.getpeername() and _unacknowledged(end):  # noqa: ASYNC110 - the kernel has no event for it
                await asyncio.sleep(0.001)


def _unacknowledged(end: socket.socket) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)))
    return int(count)


async def _connect(host: str, port: int) -> socket.socket:
    upstream = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, (host, port))
    except BaseException:
        upstream.close()
        raise
    return upstream


def _bound_socket(host: str, port: int) -> socket.socket:
    """A socket that does not listen yet. Several of ours may hold one port; nobody else's may."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound
