"""A workspace's stream of events, live: one tail for all who watch it in this process.

Watchers pull by number. One that is slow, or comes back after a while, reads old events by itself and costs the others
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

import msgspec

from runyard.database import Database, Signals, Tail
from runyard.services.runs.ledger import CHANNEL
from runyard.web.sse import frame

PAGE: Final = 500


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


class _Tail(Tail[Told]):
    """One workspace's."""

    page = PAGE

    def __init__(self, database: Database, workspace: str, after: int) -> None:
        super().__init__(after, name=f"tail of {workspace}")
        self._database = database
        self._workspace = workspace

    async def read(self, after: int) -> Sequence[Told]:
        return await read(self._database, self._workspace, after)

    def size_of(self, event: Told) -> int:
        return len(event.frame)
