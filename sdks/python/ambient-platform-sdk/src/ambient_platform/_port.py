"""All I/O there is: what the calls are written against, once for threads and once for asyncio.

The calls are coroutines. With `SyncPort` no `await` of theirs ever waits, so that `run` gets through one in a single
step, without an event loop; with `AsyncPort` they are ordinary coroutines of asyncio.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from ssl import SSLContext
from typing import Protocol, TypeVar, cast

import httpx

T = TypeVar("T")

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=50)
"""A session that is being watched takes a connection."""


@cache
def tls() -> SSLContext:
    """The certificates that are trusted, read once for all clients of a program: it takes longer than a request."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the server. `timeout` is in seconds; `silence`, too: how long an open answer may pause."""

    method: str
    path: str
    timeout: float
    silence: float | None = None
    query: tuple[tuple[str, str], ...] = ()
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Body(Protocol):
    """An answer that is still coming in."""

    @property
    def response(self) -> httpx.Response:
        """Its head."""
        ...

    async def read(self) -> bytes | None:
        """The next piece; None at the end."""
        ...

    async def drain(self) -> None:
        """Read the rest into `response`."""
        ...


class Port(Protocol):
    """The way out."""

    async def send(self, request: Request) -> httpx.Response:
        """Send, and give the whole answer."""
        ...

    def open(self, request: Request, *, seconds: float | None = None) -> AbstractAsyncContextManager[Body]:
        """Send, and give the answer as it comes in; for so many seconds, if given."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def work(self, function: Callable[[], T]) -> T:
        """Do something that blocks."""
        ...


def run(work: Awaitable[T]) -> T:
    """Get through a call whose I/O is a `SyncPort`'s."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast("T", end.value)
    raise RuntimeError("A call of the synchronous client has waited for an event loop")


class SyncPort:
    """I/O that blocks the thread."""

    def __init__(self, http: httpx.Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._sleep = sleep

    async def send(self, request: Request) -> httpx.Response:
        """Send, and give the whole answer."""
        return self._http.send(_built(self._http, request))

    @asynccontextmanager
    async def open(self, request: Request, *, seconds: float | None = None) -> AsyncGenerator[Body]:
        """Send, and give the answer as it comes in; for so many seconds, if given."""
        response = self._http.send(_built(self._http, request), stream=True)
        _be_patient(response, request)
        # A read's timeout can't be changed once the answer has begun, and each heartbeat starts it anew.
        alarm = None if seconds is None else threading.Timer(seconds, _hang_up, (response,))
        try:
            if alarm is not None:
                alarm.daemon = True
                alarm.start()
            yield _SyncBody(response)
        finally:
            if alarm is not None:
                alarm.cancel()
            response.close()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._sleep(seconds)

    async def work(self, function: Callable[[], T]) -> T:
        """Do something that blocks."""
        return function()


class _SyncBody:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._pieces: Iterator[bytes] | None = None

    async def read(self) -> bytes | None:
        if self._pieces is None:
            self._pieces = self.response.iter_bytes()
        return next(self._pieces, None)

    async def drain(self) -> None:
        self.response.read()


class AsyncPort:
    """I/O of asyncio."""

    def __init__(self, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._http = http
        self._sleep = sleep

    async def send(self, request: Request) -> httpx.Response:
        """Send, and give the whole answer."""
        return await self._http.send(_built(self._http, request))

    @asynccontextmanager
    async def open(self, request: Request, *, seconds: float | None = None) -> AsyncGenerator[Body]:
        """Send, and give the answer as it comes in; for so many seconds, if given."""
        until = None if seconds is None else time.monotonic() + seconds
        response = await self._http.send(_built(self._http, request), stream=True)
        _be_patient(response, request)
        try:
            yield _AsyncBody(response, until)
        finally:
            await response.aclose()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._sleep(seconds)

    async def work(self, function: Callable[[], T]) -> T:
        """Do something that blocks."""
        return await asyncio.to_thread(function)


class _AsyncBody:
    def __init__(self, response: httpx.Response, until: float | None) -> None:
        self.response = response
        self._until = until
        self._pieces: AsyncIterator[bytes] | None = None

    async def read(self) -> bytes | None:
        if self._pieces is None:
            self._pieces = self.response.aiter_bytes()
        if self._until is None:
            return await _next(self._pieces)
        try:
            return await asyncio.wait_for(_next(self._pieces), self._until - time.monotonic())
        except asyncio.TimeoutError:
            raise httpx.ReadTimeout("the time is up") from None

    async def drain(self) -> None:
        await self.response.aread()


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    async for piece in pieces:
        return piece
    return None


def _built(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.path,
        params=list(request.query) or None,
        json=request.document,
        headers=request.headers,
        timeout=request.timeout,
    )


def _be_patient(response: httpx.Response, request: Request) -> None:
    """An open answer may pause for longer than its head may take. Reading it asks for its limit when it begins."""
    limits: object = response.request.extensions.get("timeout")
    if request.silence is not None and isinstance(limits, dict):
        limits["read"] = request.silence


def _hang_up(response: httpx.Response) -> None:
    """End an answer that another thread is reading: its read sees the connection end."""
    stream: object = response.extensions.get("network_stream")
    find = getattr(stream, "get_extra_info", None)
    connection: object = find("socket") if callable(find) else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):  # it has ended by itself
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
