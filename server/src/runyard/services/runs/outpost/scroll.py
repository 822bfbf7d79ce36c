"""What a command says on its way, sent in pieces while it goes on; it waits when too much has not been sent yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

from runyard.sizes import KIB

PIECE: Final = 32 * KIB
"""Characters that are sent at once, and most that wait."""

PAUSE: Final = 0.5
"""Seconds between two pieces."""


class Scroll:
    """A context in which something is said.

    Args:
        send: sends a piece. Once it has failed, nothing more is sent.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._waiting = ""
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._ended = False
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._keep_sending(), name="what a command says")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._sending is not None
        self._ended = True
        self._news.set()
        if kind is not None:
            self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def add(self, text: str) -> None:
        """Have a piece sent."""
        assert self._sending is not None
        while len(self._waiting) > PIECE and not self._sending.done():
            self._room.clear()
            await self._room.wait()
        if not self._sending.done():
            self._waiting += text
            self._news.set()

    async def _keep_sending(self) -> None:
        try:
            while self._waiting or not self._ended:
                if not self._waiting:
                    self._news.clear()
                    await self._news.wait()
                    continue
                piece, self._waiting = self._waiting[:PIECE], self._waiting[PIECE:]
                self._room.set()
                await self._send(piece)
                if not self._ended:
                    await asyncio.sleep(PAUSE)
        finally:
            self._room.set()
