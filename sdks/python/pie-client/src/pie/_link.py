"""The asyncio shell: one WebSocket, a task that reads it, and one that makes a new connection when it is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Literal, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from ._calls import Flow, Reconnected, Send, Step, Wait, restore
from ._connection import CLOSE_TIMEOUT, Settings, failed_connect, given_up, is_final, lost_connection, pause_before, tls
from ._mailbox import Item, Mailbox
from ._protocol import Call, Protocol, log
from ._version import USER_AGENT
from .errors import ConnectionFailed, ConnectionLost, DeadlineExceeded, NotAttached

T = TypeVar("T")


class Link:
    """The connection to a server, and the next one after it.

    Args:
        uri: where the server is.
        settings: how to behave.
        core: what is fed.
    """

    def __init__(self, uri: str, settings: Settings, core: Protocol) -> None:
        self.core = core
        self.settings = settings
        self.login: Callable[[], Flow[None]] | None = None
        self._uri = uri
        self._state: Literal["new", "up", "down", "closed"] = "new"
        self._changed = asyncio.Event()
        self._error: ConnectionFailed | None = None
        self._socket: ClientConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        core.on_outbox = self._flush_soon

    async def open(self) -> None:
        """Connect.

        Raises:
            ConnectionFailed: nobody answers there, or not in time.
        """
        if self._state in {"up", "down"}:
            return
        self._socket = await self._connect()
        self._set("up")

    async def close(self) -> None:
        """Disconnect. Instances go on; whoever waits gets a `ConnectionLost`."""
        if self._state == "closed":
            return
        error = ConnectionLost("The client was closed", final=True)
        self._set("closed", error)
        self.core.lost(error, resumable=False)
        if self._socket is not None:
            await self._socket.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def run(self, flow: Flow[T], timeout: float | None = None) -> T:
        """Perform a call.

        Args:
            flow: the call.
            timeout: seconds that each of its steps may take; the client's own if None.

        Raises:
            PieError: as the call.
        """
        limit = self.settings.timeout if timeout is None else timeout
        try:
            await self._ready(limit)
        except BaseException:
            flow.close()
            raise
        return await self._drive(flow, limit)

    async def take(self, box: Mailbox, timeout: float | None) -> Item:
        """The next event of an instance.

        Raises:
            DeadlineExceeded: none came in time.
            NotAttached: none can come.
            PieError: what stands in its place, or why there is none.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        arrived = asyncio.Event()
        box.waiters.append(arrived.set)
        try:
            while not box.ready:
                if box.state == "detached":
                    raise NotAttached(f"Instance {box.instance_id} is not attached; attach it with: attach_instance")
                arrived.clear()
                if not await _happened(arrived.wait(), None if deadline is None else deadline - time.monotonic()):
                    raise DeadlineExceeded(f"No event of instance {box.instance_id} in {timeout:g} s")
            return box.take()
        finally:
            box.waiters.remove(arrived.set)
            self.core.took(box)

    # Steps.

    async def _drive(self, flow: Flow[T], limit: float) -> T:
        error: BaseException | None = None
        while True:
            try:
                step = next(flow) if error is None else flow.throw(error)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            error = None
            try:
                await self._perform(step, limit)
            except BaseException as failed:  # noqa: BLE001 - whatever it is, the call has to know
                error = failed

    async def _perform(self, step: Step, limit: float) -> None:
        if isinstance(step, Send):
            await self._send(step, limit)
        elif isinstance(step, Wait):
            await self._wait(step.call, limit)
        elif isinstance(step, Reconnected):
            await self._ready(limit)
        else:
            await asyncio.to_thread(step.function)

    async def _send(self, step: Send, limit: float) -> None:
        if step.call is not None and step.call.error is not None:
            raise step.call.error.with_traceback(None)
        socket = self._socket
        if socket is None:
            raise ConnectionLost("There is no connection")
        try:
            sent = await _happened(socket.send(step.frame), limit)
        except ConnectionClosed as closed:
            error = self._lost_with(closed)
            self._lost(socket, error)
            raise error from closed
        if not sent:
            raise DeadlineExceeded(f"The server takes nothing for {limit:g} s")

    async def _wait(self, call: Call, limit: float) -> None:
        if call.done:
            return
        done = asyncio.Event()
        call.wake = done.set
        if not await _happened(done.wait(), limit):
            raise DeadlineExceeded(f"No answer to {call.kind} in {limit:g} s")

    # The connection.

    async def _connect(self) -> ClientConnection:
        settings = self.settings
        try:
            socket = await connect(
                self._uri,
                compression=None,
                max_size=settings.max_message,
                open_timeout=settings.connect_timeout,
                close_timeout=CLOSE_TIMEOUT,
                user_agent_header=USER_AGENT,
                ssl=tls(self._uri, settings),
            )
        except (OSError, InvalidHandshake, InvalidURI, EOFError, asyncio.TimeoutError) as error:
            raise failed_connect(self._uri, error) from error
        self.core.made()
        self._start(self._read(socket))
        return socket

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                frame = await socket.recv()
                if isinstance(frame, bytes):  # text frames mean nothing to anybody
                    self.core.receive(frame)
        except ConnectionClosed as error:
            self._lost(socket, self._lost_with(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours: nobody may wait for ever
            log.exception("Reading failed")
            self._lost(socket, ConnectionLost(f"The client can't go on: {error!r}", final=True))

    def _lost_with(self, error: ConnectionClosed) -> ConnectionLost:
        return lost_connection(self._uri, error, max_message=self.settings.max_message)

    def _lost(self, socket: ClientConnection, error: ConnectionLost) -> None:
        if self._state == "closed" or socket is not self._socket:
            return
        again = self.login is not None and self.settings.reconnect > 0 and not error.final
        self.core.lost(error, resumable=again and (self.core.ours or self._state == "down"))
        self._socket = None
        if self._state == "down":  # it was the new connection, and `_reconnect` sees that it is gone
            return
        if again and self.login is not None:
            self._set("down", error)
            self._start(self._reconnect(error, self.login))
        else:
            self._set("new", error)

    async def _reconnect(self, error: ConnectionLost, login: Callable[[], Flow[None]]) -> None:
        deadline = time.monotonic() + self.settings.reconnect
        attempt = 0
        while True:
            await asyncio.sleep(pause_before(attempt))
            failed: Exception = error
            try:
                self._socket = await self._connect()
                await self._drive(restore(self.core, login()), self.settings.connect_timeout)
            except Exception as broken:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                failed = broken
            else:
                if self.core.connected:  # not lost again meanwhile
                    self._set("up")
                    return
            await self._hang_up()
            if is_final(failed) or time.monotonic() > deadline:
                self._give_up(given_up(error, failed))
                return
            attempt += 1

    def _give_up(self, error: ConnectionLost) -> None:
        self._set("new", error)
        self.core.lost(error, resumable=False)

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        self.core.lost(ConnectionLost("The connection was given up"), resumable=True)
        if socket is not None:
            await socket.close()

    async def _ready(self, limit: float) -> None:
        """Wait for a connection that is being made again."""
        deadline = time.monotonic() + limit
        while self._state == "down":
            if not await _happened(self._changed.wait(), deadline - time.monotonic()):
                raise DeadlineExceeded(f"No connection in {limit:g} s: {self._error}")
        if self._state != "up":
            if self._error is not None:
                raise self._error.with_traceback(None)
            raise ConnectionFailed("Not connected yet; call `await client.connect()`, or use async with")

    def _set(self, state: Literal["new", "up", "down", "closed"], error: ConnectionFailed | None = None) -> None:
        self._state = state
        self._error = error
        self._changed.set()
        self._changed = asyncio.Event()

    # What the core itself wants to send. Not the reader's work: it must go on reading.

    def _flush_soon(self) -> None:
        self._start(self._flush())

    async def _flush(self) -> None:
        while self.core.outbox and self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(self.core.outbox.popleft())

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _happened(work: Coroutine[object, object, object], limit: float | None) -> bool:
    """Whether some work came to its end in time.

    `asyncio.wait_for` is not for this: before Python 3.12 it loses a cancellation that comes together with the end.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        if not task.cancel() and not task.cancelled():
            task.exception()  # nobody asks any more, and asyncio would complain
