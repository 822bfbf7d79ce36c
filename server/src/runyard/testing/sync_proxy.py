"""The fault proxy for tests that are not async: its loop runs in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Self, TypeVar

from runyard.testing.faults import Direction, Fault, Injection
from runyard.testing.proxy import FaultProxy

T = TypeVar("T")


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
