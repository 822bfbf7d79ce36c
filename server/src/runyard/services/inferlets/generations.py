"""Texts that are being written for one instance while it does something else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from runyard.text import TextRefused

MOST: Final = 8
"""Texts of one instance at a time."""


class Generations:
    """The texts, by number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._written: dict[int, _Written] = {}

    def start(self, pieces: AsyncGenerator[str, None]) -> int:
        """Have a text written; returns its number.

        Raises:
            TextRefused: there are too many already.
        """
        if len(self._written) >= MOST:
            raise TextRefused(f"an instance may have {MOST} texts written at a time; end one")
        number = next(self._numbers)
        self._written[number] = _Written(pieces)
        return number

    async def next(self, number: int) -> str | None:
        """What has been written since; waits for something, and is None at the end.

        Raises:
            TextRefused: nothing more comes of it.
        """
        if (written := self._written.get(number)) is None:
            raise TextRefused(f"there is no text {number!r} being written")
        return await written.next()

    def end(self, number: int) -> None:
        """Forget a text; whoever writes it stops."""
        if (written := self._written.pop(number, None)) is not None:
            written.end()

    def close(self) -> None:
        """Forget all."""
        for number in tuple(self._written):
            self.end(number)


class _Written:
    """One text. It is written on whether its program takes it or not: a model's time is dear, its text is small."""

    def __init__(self, pieces: AsyncGenerator[str, None]) -> None:
        self._pieces: list[str] = []
        self._refusal: TextRefused | None = None
        self._over = False
        self._news = asyncio.Event()
        self._writing = asyncio.create_task(self._write(pieces), name="text for a program")

    async def next(self) -> str | None:
        await self._news.wait()
        if self._pieces:
            found = "".join(self._pieces)
            self._pieces.clear()
            if not self._over:
                self._news.clear()
            return found
        if self._refusal is not None:
            raise self._refusal
        return None

    def end(self) -> None:
        self._writing.cancel()

    async def _write(self, pieces: AsyncGenerator[str, None]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    self._pieces.append(piece)
                    self._news.set()
        except TextRefused as refusal:
            self._refusal = refusal
        finally:
            self._over = True
            self._news.set()
