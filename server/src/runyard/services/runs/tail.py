"""A workspace's stream of events, live: one tail for all who watch it in this process.

Watchers pull by number. One that is slow, or comes back after a while, reads old events by itself and costs the others
nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from runyard.database import Database, DatabaseUnavailable, Signals
from runyard.services.runs.ledger import CHANNEL
from runyard.sizes import MIB
from runyard.web.sse import frame

PAGE: Final = 500
WINDOW_BYTES: Final = 1 * MIB
"""Recent events a tail keeps for watchers that are almost up to date."""


class Told(NamedTuple):
    """An event as a stream carries it, and the run it is about."""

    seq: int
    frame: bytes
    run: str | None


class Reach(NamedTuple):
    """The events there are: after number ``after`` up to ``newest``. Older ones are past their retention."""

    after: int
    newest: int


class Streams:
    """The process's tails of workspaces.

    Args:
        closing: set when the process is about to end, and every stream with it.
    """

    def __init__(self, database: Database, signals: Signals, *, closing: asyncio.Event) -> None:
        self._database = database
        self._signals = signals
        self._closing = closing
        self._tails: dict[str, _Tail] = {}
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen for news of every workspace."""
        await self._signals.listen(CHANNEL, self._heard)
        self._signals.on_gap(self._look_everywhere)
        self._ending = asyncio.create_task(self._end(), name="end of streams")

    async def stop(self) -> None:
        """Hear no more."""
        self._signals.unlisten(CHANNEL, self._heard)
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)

    @property
    def watched(self) -> int:
        """How many workspaces are being followed here."""
        return len(self._tails)

    async def reach(self, workspace: str) -> Reach:
        """Which events of a workspace there are."""
        found = await self._database.fetchrow(
            """
            SELECT head.events AS newest, (SELECT min(seq) FROM runs_events WHERE workspace = $1) AS oldest
            FROM runs_heads AS head WHERE workspace = $1
            """,
            workspace,
        )
        if found is None:
            return Reach(0, 0)
        return Reach(found["newest"] if found["oldest"] is None else found["oldest"] - 1, found["newest"])

    async def follow(self, workspace: str, after: int, *, newest: int, idle: float) -> AsyncGenerator[Told | None]:
        """Yield the events after number ``after`` as they come.

        Yields None when nothing came for ``idle`` seconds. Ends when the process is closing.

        Args:
            workspace: whose.
            after: the last that is known.
            newest: the last there is: those up to it are read for this watcher alone, who holds up nobody by that.
            idle: seconds.
        """
        tail = self._tails.get(workspace)
        if tail is None:
            tail = self._tails[workspace] = _Tail(self._database, workspace, max(after, newest))
        tail.watchers += 1
        try:
            while not self._closing.is_set():
                events = tail.since(after)
                if events is None:
                    events = await read(self._database, workspace, after)
                    after = after if events else tail.start  # retention was faster
                for event in events:
                    yield event
                    after = event.seq
                if not events and not await tail.news(after, idle) and not self._closing.is_set():
                    yield None
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del self._tails[workspace]
                tail.stop()

    def _heard(self, payload: str) -> None:
        workspace, _, seq = payload.rpartition(" ")
        if (tail := self._tails.get(workspace)) is not None:
            tail.hint(int(seq))

    def _look_everywhere(self) -> None:
        for tail in self._tails.values():
            tail.look()

    async def _end(self) -> None:
        await self._closing.wait()
        for tail in self._tails.values():
            tail.tell()


async def read(database: Database, workspace: str, after: int) -> Sequence[Told]:
    """A page of events from where they are kept."""
    rows = await database.fetch(
        "SELECT seq, body FROM runs_events WHERE workspace = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        workspace, after, PAGE,
    )  # fmt: skip
    return [_told(row["seq"], row["body"]) for row in rows]


class _Head(msgspec.Struct):
    type: str
    runid: str | None = None


def _told(seq: int, body: bytes) -> Told:
    head = msgspec.json.decode(body, type=_Head)
    return Told(seq, frame(body, cursor=b"%d" % seq, event=head.type.encode()), head.runid)


class _Tail:
    """The newest events of one workspace: read once, seen by all its watchers."""

    def __init__(self, database: Database, workspace: str, after: int) -> None:
        self._database = database
        self._workspace = workspace
        self._window: deque[Told] = deque()
        self._bytes = 0
        self.start = after  # events up to this number are not in the window
        self._newest = after
        self._hinted = after
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.watchers = 0
        self.look()

    def since(self, after: int) -> Sequence[Told] | None:
        """Events after ``after``, or None when the window doesn't reach back that far."""
        if after < self.start:
            return None
        return [event for event in self._window if event.seq > after] if after < self._newest else []

    async def news(self, after: int, idle: float) -> bool:
        """Wait until there is an event after ``after``; False after ``idle`` seconds without one."""
        if self._newest > after:
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
            self._hinted = max(self._hinted + 1, seq)  # a reading that is under way may be too old to find it
            self._read()

    def look(self) -> None:
        """Look without having been told anything."""
        self.hint(self._newest + 1)

    def tell(self) -> None:
        """Wake every watcher."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def _read(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._catch_up(), name=f"tail of {self._workspace}")

    async def _catch_up(self) -> None:
        with suppress(DatabaseUnavailable):  # the next hint or look tries again
            while self._hinted > self._newest:
                hinted = self._hinted
                events = await read(self._database, self._workspace, self._newest)
                for event in events:
                    self._window.append(event)
                    self._bytes += len(event.frame)
                    self._newest = event.seq
                while self._bytes > WINDOW_BYTES and len(self._window) > 1:
                    gone = self._window.popleft()
                    self._bytes -= len(gone.frame)
                    self.start = gone.seq
                if events:
                    self.tell()
                if len(events) == PAGE:  # there may be more than anybody has spoken of
                    self._hinted = max(self._hinted, self._newest + 1)
                elif (
                    not events and hinted == self._hinted
                ):  # it was of another yard in the same database, or there was none
                    self._hinted = self._newest
