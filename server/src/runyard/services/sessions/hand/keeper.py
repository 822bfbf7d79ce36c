"""One hand for a workspace, replaced when it dies: the files outlive it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from runyard.sandbox import Sandbox
from runyard.services.sessions.hand.frames import Answer, Open, Order, Refused
from runyard.services.sessions.hand.process import Hand, HandDied
from runyard.services.sessions.space import Space
from runyard.settings import Settings

MOST_HANDS: Final = 10
"""Hands of one workspace, one after the other: whatever kills each of them will kill the next."""


class HandKeeper:
    """Gives orders to the hand of a workspace. Made by :meth:`open`."""

    def __init__(self, space: Space, sandbox: Sandbox, settings: Settings) -> None:
        self._space = space
        self._sandbox = sandbox
        self._settings = settings
        self._opened: list[Open] = []
        self._numbers = itertools.count(1)
        self._hand: Hand | None = None
        self._stack = AsyncExitStack()
        self._hands = 0
        self._asking = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, space: Space, sandbox: Sandbox, settings: Settings) -> AsyncIterator[HandKeeper]:
        """With no hand yet; at the end there is none any more."""
        keeper = cls(space, sandbox, settings)
        try:
            yield keeper
        finally:
            await keeper._stack.aclose()

    async def warm(self) -> None:
        """Have the hand ready before the first order.

        Raises:
            HandDied: there is none to be had.
        """
        async with self._asking:
            await self._have()

    async def ask(self, order: Callable[[int], Order]) -> Answer:
        """Have an order carried out; ``order`` is given its number.

        Raises:
            HandDied: the hand died of it; the next order is for another one.
        """
        async with self._asking:
            hand = await self._have()
            asked = order(next(self._numbers))
            answer = await hand.ask(asked)
            if isinstance(asked, Open) and not isinstance(answer, Refused):
                self._opened.append(asked)
            return answer

    async def _have(self) -> Hand:
        if self._hand is not None and self._hand.alive:
            return self._hand
        await self._stack.aclose()
        self._hand = None
        self._hands += 1
        if self._hands > MOST_HANDS:
            raise HandDied("The process for the session's files broke down too often.")
        hand = await self._stack.enter_async_context(Hand.start(self._space, self._sandbox, self._settings))
        for opened in self._opened:
            await hand.ask(opened)
        self._hand = hand
        return hand
