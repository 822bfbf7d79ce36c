"""The shell for threads: one WebSocket, a thread that reads it, and one that makes a new connection when it is lost.

One lock guards the state machine; whoever waits, waits for the condition on it.
"""

from __future__ import annotations

import socket as sockets
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final, Literal, TypeVar

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from pie._calls import Flow, Reconnected, Send, Step, Wait, restore
from pie._connection import (
    CLOSE_TIMEOUT,
    Settings,
    failed_connect,
    given_up,
    is_final,
    lost_connection,
    pause_before,
    tls,
)
from pie._mailbox import Item, Mailbox
from pie._protocol import Call, Protocol, log
from pie._version import USER_AGENT
from pie.errors import ConnectionFailed, ConnectionLost, DeadlineExceeded, NotAttached

T = TypeVar("T")

_JOIN: Final = 5.0  # seconds that closing waits for a thread of ours


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
        self._changed = threading.Condition(threading.RLock())
        self._error: ConnectionFailed | None = None
        self._socket: ClientConnection | None = None
        self._flushing = threading.Lock()
        self._threads: set[threading.Thread] = set()
        core.on_outbox = self._flush_soon

    def open(self) -> None:
        """Connect.

        Raises:
            ConnectionFailed: nobody answers there, or not in time.
        """
        with self._changed:
            if self._state in {"up", "down"}:
                return
            self._set("new")
        self._connect()
        with self._changed:
            if self._socket is not None:
                self._set("up")

    def close(self) -> None:
        """Disconnect. Instances go on; whoever waits gets a `ConnectionLost`."""
        with self._changed:
            if self._state == "closed":
                return
            error = ConnectionLost("The client was closed", final=True)
            self._set("closed", error)
            self.core.lost(error, resumable=False)
            socket = self._socket
            threads = self._threads - {threading.current_thread()}
        if socket is not None:
            socket.close()
        for thread in threads:
            thread.join(_JOIN)

    def run(self, flow: Flow[T], timeout: float | None = None) -> T:
        """Perform a call.

        Args:
            flow: the call.
            timeout: seconds that each of its steps may take; the client's own if None.

        Raises:
            PieError: as the call.
        """
        limit = self.settings.timeout if timeout is None else timeout
        try:
            self._ready(limit)
        except BaseException:
            flow.close()
            raise
        return self._drive(flow, limit)

    def take(self, box: Mailbox, timeout: float | None) -> Item:
        """The next event of an instance.

        Raises:
            DeadlineExceeded: none came in time.
            NotAttached: none can come.
            PieError: what stands in its place, or why there is none.
        """
        with self._changed:
            box.waiters.append(self._changed.notify_all)
            try:
                if not self._changed.wait_for(lambda: box.ready or box.state == "detached", timeout):
                    raise DeadlineExceeded(f"No event of instance {box.instance_id} in {timeout:g} s")
                if not box.ready:
                    raise NotAttached(f"Instance {box.instance_id} is not attached; attach it with: attach_instance")
                return box.take()
            finally:
                box.waiters.remove(self._changed.notify_all)
                self.core.took(box)

    # Steps.

    def _drive(self, flow: Flow[T], limit: float) -> T:
        error: BaseException | None = None
        while True:
            try:
                with self._changed:
                    step = next(flow) if error is None else flow.throw(error)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            error = None
            try:
                self._perform(step, limit)
            except BaseException as failed:  # noqa: BLE001 - whatever it is, the call has to know
                error = failed

    def _perform(self, step: Step, limit: float) -> None:
        if isinstance(step, Send):
            self._send(step, limit)
        elif isinstance(step, Wait):
            self._wait(step.call, limit)
        elif isinstance(step, Reconnected):
            self._ready(limit)
        else:
            step.function()

    def _send(self, step: Send, limit: float) -> None:
        if step.call is not None and step.call.error is not None:
            raise step.call.error.with_traceback(None)
        socket = self._socket
        if socket is None:
            raise ConnectionLost("There is no connection")
        try:
            _limit_sending(socket.socket, limit)
            socket.send(step.frame)
        except ConnectionClosed as closed:
            error = self._lost_with(closed)
            self._lost(socket, error)
            raise error from closed

    def _wait(self, call: Call, limit: float) -> None:
        with self._changed:
            call.wake = self._changed.notify_all
            if not self._changed.wait_for(lambda: call.done, limit):
                raise DeadlineExceeded(f"No answer to {call.kind} in {limit:g} s")

    # The connection.

    def _connect(self) -> None:
        try:
            connecting = connect(
                self._uri,
                compression=None,
                max_size=self.settings.max_message,
                open_timeout=self.settings.connect_timeout,
                close_timeout=CLOSE_TIMEOUT,
                user_agent_header=USER_AGENT,
                ssl=tls(self._uri, self.settings),
            )
            # Entered, as all versions of websockets want it; `close` is called where it is due.
            socket = ExitStack().enter_context(connecting)
        except (OSError, InvalidHandshake, InvalidURI, EOFError) as error:
            raise failed_connect(self._uri, error) from error
        with self._changed:
            wanted = self._state != "closed"
            if wanted:
                self._socket = socket
                self.core.made()
                self._start("reader", self._read, socket)
        if not wanted:  # closed while it was made
            socket.close()
            raise ConnectionLost("The client was closed", final=True)

    def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                frame = socket.recv()
                if isinstance(frame, bytes):  # text frames mean nothing to anybody
                    with self._changed:
                        self.core.receive(frame)
        except ConnectionClosed as error:
            self._lost(socket, self._lost_with(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours: nobody may wait for ever
            log.exception("Reading failed")
            self._lost(socket, ConnectionLost(f"The client can't go on: {error!r}", final=True))

    def _lost_with(self, error: ConnectionClosed) -> ConnectionLost:
        return lost_connection(self._uri, error, max_message=self.settings.max_message)

    def _lost(self, socket: ClientConnection, error: ConnectionLost) -> None:
        with self._changed:
            if self._state == "closed" or socket is not self._socket:
                return
            again = self.login is not None and self.settings.reconnect > 0 and not error.final
            self.core.lost(error, resumable=again and (self.core.ours or self._state == "down"))
            self._socket = None
            if self._state == "down":  # it was the new connection, and `_reconnect` sees that it is gone
                return
            if again and self.login is not None:
                self._set("down", error)
            else:
                self._set("new", error)
                return
            self._start("reconnect", self._reconnect, error, self.login)

    def _reconnect(self, error: ConnectionLost, login: Callable[[], Flow[None]]) -> None:
        deadline = time.monotonic() + self.settings.reconnect
        attempt = 0
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._state == "closed", pause_before(attempt)):
                    return
            failed: Exception = error
            try:
                self._connect()
                self._drive(restore(self.core, login()), self.settings.connect_timeout)
            except Exception as broken:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                failed = broken
            else:
                with self._changed:
                    if self._state == "down" and self.core.connected:  # neither closed nor lost meanwhile
                        self._set("up")
                        return
            self._hang_up()
            if is_final(failed) or time.monotonic() > deadline:
                self._give_up(given_up(error, failed))
                return
            attempt += 1

    def _give_up(self, error: ConnectionLost) -> None:
        with self._changed:
            if self._state == "down":
                self._set("new", error)
                self.core.lost(error, resumable=False)

    def _hang_up(self) -> None:
        with self._changed:
            socket, self._socket = self._socket, None
            self.core.lost(ConnectionLost("The connection was given up"), resumable=True)
        if socket is not None:
            socket.close()

    def _ready(self, limit: float) -> None:
        """Wait for a connection that is being made again."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._state != "down", limit):
                raise DeadlineExceeded(f"No connection in {limit:g} s: {self._error}")
            if self._state != "up":
                if self._error is not None:
                    raise self._error.with_traceback(None)
                raise ConnectionFailed("Not connected yet; call `client.connect()`, or use with")

    def _start(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        """Run in a thread. Call it with the lock held."""
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=work, args=arguments, name=f"pie {name}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _set(self, state: Literal["new", "up", "down", "closed"], error: ConnectionFailed | None = None) -> None:
        self._state = state
        self._error = error
        self._changed.notify_all()

    # What the core itself wants to send. Not the reader's work: it must go on reading.

    def _flush_soon(self) -> None:
        self._start("flush", self._flush)

    def _flush(self) -> None:
        with self._flushing:  # in order
            while True:
                with self._changed:
                    socket = self._socket
                    if socket is None or not self.core.outbox:
                        return
                    frame = self.core.outbox.popleft()
                with suppress(ConnectionClosed):
                    socket.send(frame)


def _limit_sending(socket: sockets.socket, seconds: float) -> None:
    """Let the system break off a send that takes longer; the connection is lost then."""
    if sys.platform == "win32":
        limit = struct.pack("L", int(seconds * 1000))
    else:
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    with suppress(OSError):  # it is closed already: sending tells why
        socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDTIMEO, limit)
