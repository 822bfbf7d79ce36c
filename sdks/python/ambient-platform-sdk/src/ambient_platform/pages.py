"""`SessionPage` and `AsyncSessionPage`: a list of sessions that goes on where it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from ._port import run
from .types import SessionListResponse, SessionResponse

Turn = Callable[[str], Awaitable[SessionListResponse]]
"""Gives the page at a cursor."""


class SessionPage(SessionListResponse):
    """A page of sessions: `items` are its own; iterating over it goes on with those of all further pages."""

    def __init__(self, page: SessionListResponse, turn: Turn) -> None:
        super().__init__(page.items, page.total, page.next_cursor)
        self._turn = turn

    def __iter__(self) -> Iterator[SessionResponse]:
        page: SessionListResponse = self
        yield from page.items
        while page.next_cursor is not None:
            page = run(self._turn(page.next_cursor))
            yield from page.items


class AsyncSessionPage(SessionListResponse):
    """A page of sessions: `items` are its own; `async for` goes on with those of all further pages."""

    def __init__(self, page: SessionListResponse, turn: Turn) -> None:
        super().__init__(page.items, page.total, page.next_cursor)
        self._turn = turn

    async def __aiter__(self) -> AsyncIterator[SessionResponse]:
        page: SessionListResponse = self
        for session in page.items:
            yield session
        while page.next_cursor is not None:
            page = await self._turn(page.next_cursor)
            for session in page.items:
                yield session
