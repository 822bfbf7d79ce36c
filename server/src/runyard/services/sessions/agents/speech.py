"""A message while it is being written: pieces go out a few at a time, so that a fast model makes few events."""

from __future__ import annotations

import asyncio
from typing import Final

from runyard.jobs import JobContext
from runyard.services.sessions.words import Tells

PAUSE: Final = 0.05
"""Seconds between two pieces. The first one after a pause doesn't wait."""

FULL: Final = 4_000
"""Characters at which a piece goes out at once."""


class Speech:
    """Pieces of one message after the other."""

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._now = asyncio.get_running_loop().time
        self._told: list[str] = []
        self._ready: list[str] = []
        self._length = 0
        self._next = 0.0
        self._timer: asyncio.Task[None] | None = None

    async def say(self, piece: str) -> None:
        """Show a piece, soon."""
        if not piece:
            return
        self._ready.append(piece)
        self._length += len(piece)
        if self._now() >= self._next or self._length >= FULL:
            await self._tell()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._tell_later(), name="delta")
            self._timer.add_done_callback(lambda timer: timer.cancelled() or timer.exception())

    async def pause(self) -> str:
        """The message is over, or broken off; returns what was shown of it."""
        await self._tell()
        said = "".join(self._told)
        self._told = []
        return said

    def close(self) -> None:
        """Show no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _tell_later(self) -> None:
        await asyncio.sleep(max(0.0, self._next - self._now()))
        self._timer = None
        await self._tell()

    async def _tell(self) -> None:
        self.close()
        if not self._ready:
            return
        content = "".join(self._ready)
        self._ready, self._length = [], 0
        self._next = self._now() + PAUSE
        self._told.append(content)
        await self._ctx.emit(Tells.DELTA, {"content": content})
