"""The newest events of one log: read once, seen by all who watch it in this process.

Watchers pull by number. What is older than a tail's window they read by themselves, and cost the others nothing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from runyard.database.errors import DatabaseUnavailable
from runyard.sizes import MIB

WINDOW_BYTES: Final = 1 * MIB
"""Recent events a tail keeps for watchers that are almost up to date."""


class Numbered(Protocol):
    """An event of a log that has no gaps."""

    @property
    def seq(self) -> int:
        """Its number."""


E = TypeVar("E", bound=Numbered)


class Tail(ABC, Generic[E]):
    """One log's, for as long as somebody watches.

    Args:
        after: number of the last event that whoever opens the tail knows.
        name: of the task that reads.
    """

    page: int
    """Events that one reading gives at most."""

    def __init__(self, after: int, *, name: str) -> None:
        self.watchers = 0
        self.over = False
        """Whether the log has ended, so that what this tail doesn't have is read from where ended logs are kept."""

        self.start = after
        """Events up to this number are not in the window."""

        self._name = name
        self._window: deque[E] = deque()
        self._bytes = 0
        self._newest = after
        self._hinted = after
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.look()

    @abstractmethod
    async def read(self, after: int) -> Sequence[E]:
        """Up to ``page`` events after number ``after``, from where they are kept."""

    @abstractmethod
    def size_of(self, event: E) -> int:
        """Bytes that an event takes in the window."""

    async def found_nothing(self) -> bool:
        """What to do when there is no event where one was hinted at; whether to read again at once."""
        return False

    def since(self, after: int) -> Sequence[E] | None:
        """Events after ``after``, or None when the window doesn't reach back that far."""
        if after < self.start:
            return None
        if after >= self._newest:
            return []
        return [event for event in self._window if event.seq > after]

    async def news(self, after: int, idle: float) -> bool:
        """Wait until there is an event after ``after``; False after ``idle`` seconds without one."""
        if self._newest > after or self.over:
            return True
        news = self._news
        try:
            async with asyncio.timeout(idle):
                await news.wait()
        except TimeoutError:
            self.look()  # in case a notification was lost
            return False
        return True

    def hint(self, seq: int) -> None:
        """Somebody says that event ``seq`` exists."""
        if seq > self._newest:
            # A look that is under way has hinted at this very number, and may be too old to have found it.
            self._hinted = max(self._hinted + 1, seq)
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._catch_up(), name=self._name)

    def look(self) -> None:
        """Look into the log without having been told anything."""
        self.hint(self._newest + 1)

    def tell(self) -> None:
        """Wake every watcher."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _catch_up(self) -> None:
        with suppress(DatabaseUnavailable):  # the next hint or look tries again
            while self._hinted > self._newest:
                await self._read_news()

    async def _read_news(self) -> None:
        hinted = self._hinted
        events = await self.read(self._newest)
        for event in events:
            self._window.append(event)
            self._bytes += self.size_of(event)
            self._newest = event.seq
        while self._bytes > WINDOW_BYTES and len(self._window) > 1:
            gone = self._window.popleft()
            self._bytes -= self.size_of(gone)
            self.start = gone.seq
        if not events and await self.found_nothing():
            return
        if events or self.over:
            self.tell()
        if len(events) == self.page:  # there may be more than anybody has spoken of
            self._hinted = max(self._hinted, self._newest + 1)
        elif hinted == self._hinted:
            self._hinted = self._newest
