"""One connection through the fault proxy: two sockets and the flows between them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import socket
import struct
import termios
from collections.abc import Callable
from typing import Protocol

from runyard.testing.faults import Cut, Direction, Flow, Injection, Reset

CHUNK = 64 * 1024
FLUSH_DEADLINE = 5.0  # seconds a receiver has to take what was sent before its connection is cut or reset

logger = logging.getLogger(__name__)


class Upstream(Protocol):
    """Where connections lead, and who counts what they carry."""

    upstream_host: str
    upstream_port: int

    def delivered(self, direction: Direction, count: int) -> None:
        """So many more bytes have arrived."""
        ...


class Connection:
    """One client, its upstream connection, and the two flows between them."""

    def __init__(self, proxy: Upstream, client: socket.socket) -> None:
        client.setblocking(False)
        self.client = client
        self._proxy = proxy
        self._flows: dict[Direction, Flow] = {"up": Flow(), "down": Flow()}
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
