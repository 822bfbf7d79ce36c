"""Follows a job's events over any number of connections: the I/O loop around `_wire.stream.Resume`."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import requests

from ._wire.errors import ConnectionFailed, ProtocolError, StatusError
from ._wire.requests_shell import Request, RequestsTransport, Timeouts, failure_of, iter_bytes
from ._wire.retry import is_retryable
from ._wire.sse import Decoder, ServerEvent
from ._wire.stream import Resume, StreamPolicy
from .events import Completed, Event, event_from

# The server sends a comment at least every 15 s: three in a row missing means the connection is dead.
STREAM_TIMEOUTS = Timeouts(connect=5.0, read=45.0)


class EventStream:
    """One open connection: iterate over it once for its events, then see in `decoder` where it stood."""

    def __init__(self, response: requests.Response) -> None:
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith("text/event-stream"):
            response.close()
            raise ProtocolError(f"{response.url} answered with {kind or 'no content type'}, no event stream")
        self.decoder = Decoder()
        self._response = response
        self._events = self._read()

    def __iter__(self) -> Iterator[ServerEvent]:
        return self._events

    def interrupt(self) -> None:
        """End the iteration from another thread."""
        try:
            self._response.raw.shutdown()
        except (ValueError, RuntimeError, OSError):
            return  # it has ended by itself

    def close(self) -> None:
        """Drop the connection; the job goes on."""
        self._response.close()

    def _read(self) -> Iterator[ServerEvent]:
        for chunk in iter_bytes(self._response):
            yield from self.decoder.feed(chunk)


class EventFeed(Iterator[Event]):
    """Every event after a cursor, once and in order, up to and including `Completed`.

    Iterating raises `StreamLost` when the stream broke and could not be resumed in time, and `StatusError`
    when the server refused it. `stop` ends it early, from any thread.
    """

    def __init__(
        self,
        transport: RequestsTransport,
        path: str,
        *,
        params: dict[str, str],
        cursor: str | None = None,
        policy: StreamPolicy | None = None,
        opened: EventStream | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._params = params
        self._resume = Resume(policy or StreamPolicy(), clock=transport.clock, random=transport.chance, cursor=cursor)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._stream = opened
        self._events = self._follow()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def stop(self) -> None:
        """End the iteration now; the job goes on."""
        with self._lock:
            self._stopped.set()
            if self._stream is not None:
                self._stream.interrupt()

    def close(self) -> None:
        """Drop the connection at once, in the thread that iterates; the job goes on."""
        self._events.close()

    def _follow(self) -> Generator[Event, None, None]:
        resume = self._resume
        # The first opening gives up as soon as any call does; only a stream that once flowed is waited for.
        stream: EventStream | None = self._stream or EventStream(self._transport.send(self._request()))
        while stream is not None and self._hold(stream):
            resume.connected()
            broken: ConnectionFailed | None = None
            try:
                for raw in stream:
                    event = event_from(raw)
                    resume.received(raw.id, terminal=isinstance(event, Completed))
                    if event is not None:
                        yield event
                    if resume.ended:
                        return
            except ConnectionFailed as error:
                broken = error
            finally:
                self._release(stream)
            resume.hinted(stream.decoder.retry)
            resume.moved(stream.decoder.last_event_id)
            stream = self._reconnect(broken)

    def _hold(self, stream: EventStream) -> bool:
        """Make the stream the one that `stop` interrupts; False when it has been called already."""
        with self._lock:
            if self._stopped.is_set():
                stream.close()
                return False
            self._stream = stream
            return True

    def _release(self, stream: EventStream) -> None:
        with self._lock:
            self._stream = None
        stream.close()

    def _reconnect(self, broken: ConnectionFailed | StatusError | None) -> EventStream | None:
        """Wait and try until the stream is open again; None when stopped."""
        while not self._stopped.is_set():
            failure = failure_of(broken) if broken is not None else None
            delay = self._resume.disconnected(failure, str(broken or "it ended before the job did"))
            if self._stopped.wait(delay):
                break
            try:
                return EventStream(self._transport.send_once(self._request()))
            except ConnectionFailed as error:
                broken = error
            except StatusError as error:
                if not is_retryable(failure_of(error), replayable=True):
                    raise
                broken = error
        return None

    def _request(self) -> Request:
        headers = {"Accept": "text/event-stream"}
        if self._resume.cursor is not None:
            headers["Last-Event-ID"] = self._resume.cursor
        return Request(
            method="GET",
            path=self._path,
            params=self._params,
            headers=headers,
            stream=True,
            timeouts=STREAM_TIMEOUTS,
        )
