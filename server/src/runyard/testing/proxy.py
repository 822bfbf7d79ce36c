"""A TCP proxy that misbehaves on purpose and to the byte: tests put it between a client and its server.

It knows no protocol: HTTP, event streams, WebSocket and MQTT are all alike to it. Systems other than Linux may lose
bytes that were sent before a reset. :class:`runyard.testing.sync_proxy.SyncFaultProxy` is for tests that are not async.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Self

from runyard.testing.connection import Connection
from runyard.testing.faults import Direction, Fault, Injection


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
        self._open: dict[Connection, asyncio.Task[None]] = {}
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
        connection = Connection(self, client)
        for injection in self._injections:
            if injection.times != 0:
                connection.meet(injection)
            if injection.times:
                injection.times -= 1
        self.connections += 1
        self._open[connection] = task = asyncio.get_running_loop().create_task(connection.run())
        task.add_done_callback(lambda task: self._ended(connection, task))
        self._changed()

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
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
