"""`EventStream` and `AsyncEventStream`: a session's events, one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ._port import run
from .events import Event


class EventStream:
    """Iterate over it for the events, up to the last one. Leave early with `close`, or use it in `with`.

    Attributes:
        cursor: the number of the last event that was given; go on later with `stream_events(id, after=cursor)`.
    """

    def __init__(self, events: AsyncGenerator[Event, None], after: int | None) -> None:
        self._events = events
        self.cursor = after

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        try:
            event = run(self._events.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None
        self.cursor = event.seq
        return event

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection. The session goes on."""
        run(self._events.aclose())


class AsyncEventStream:
    """Iterate over it for the events, up to the last one. Leave early with `close`, or use it in `async with`.

    Attributes:
        cursor: the number of the last event that was given; go on later with `stream_events(id, after=cursor)`.
    """

    def __init__(self, events: AsyncGenerator[Event, None], after: int | None) -> None:
        self._events = events
        self.cursor = after

    def __aiter__(self) -> AsyncEventStream:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.__anext__()
        self.cursor = event.seq
        return event

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop the connection. The session goes on."""
        await self._events.aclose()
