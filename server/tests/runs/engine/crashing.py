"""A database on which transactions break off at any statement, before they commit or right after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from runyard.database import Database

AFTER_COMMIT = "after the commit"


class Crash(BaseException):
    """The process is gone. Not an ``Exception``: nothing on the way may make something of it."""


class Crashing:
    """Stands in for a :class:`Database`; single statements pass, transactions may not.

    Args:
        share: of the transactions that break off.
    """

    def __init__(self, database: Database, random: Random, share: float) -> None:
        self._database = database
        self._random = random
        self.share = share
        self.crashes: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def transaction(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._random.random() >= self.share:
            return await self._database.transaction(work)
        place = self._random.randint(0, 24)

        async def broken(connection: Any) -> Any:
            cut = Cut(connection, place)
            value = await work(cut)
            if place < 20:
                cut.crash("before the commit")
            return value

        try:
            await self._database.transaction(broken)
        except Crash as crash:
            self.crashes.append(str(crash))
            raise
        self.crashes.append(AFTER_COMMIT)
        raise Crash(AFTER_COMMIT)


class Cut:
    """A connection that breaks off after so many statements."""

    def __init__(self, connection: Any, left: int) -> None:
        self._connection = connection
        self._left = left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in {"execute", "executemany", "fetch", "fetchrow", "fetchval"}:
            return found

        async def counted(*values: Any, **more: Any) -> Any:
            if self._left == 0:
                self.crash(f"at {str(values[0])[:60]!r}")
            self._left -= 1
            return await found(*values, **more)

        return counted

    def crash(self, where: str) -> None:
        raise Crash(where)
