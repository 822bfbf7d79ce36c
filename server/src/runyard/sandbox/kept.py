"""Contexts that outlive whoever opened them: each is entered and left by a task of its own."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """A context that is being entered, and is left by :meth:`close`.

    A sandbox wants to be left by the task that entered it, and the job that first needed a process may have ended long
    before the process does.
    """

    def __init__(self, context: AbstractAsyncContextManager[T], *, name: str) -> None:
        self._opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._opened.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        self._leave = asyncio.Event()
        self._living = asyncio.create_task(self._live(context), name=name)

    async def opened(self) -> T:
        """What the context gives, once it is entered. Raises what entering it does."""
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Leave it, even if it is still being entered."""
        self._leave.set()
        await asyncio.shield(self._living)

    async def _live(self, context: AbstractAsyncContextManager[T]) -> None:
        try:
            async with context as value:
                self._opened.set_result(value)
                await self._leave.wait()
        except Exception as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
        finally:
            self._opened.cancel()
