"""NOTIFY, heard on one connection per process. A notification is a hint: whoever gets one looks into the tables."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from runyard.database.connection import GONE, Database

if TYPE_CHECKING:
    import asyncpg

log = structlog.get_logger(__name__)

Heard = Callable[[str], None]


class Signals:
    """Listens on channels for the life of the process and reconnects by itself.

    After a reconnect every callback registered with :meth:`on_gap` runs, since notifications may have been missed.
    The connection also holds session advisory locks: they end with the process that took them, however it ends.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._callbacks: dict[str, list[Heard]] = defaultdict(list)
        self._gap: list[Callable[[], None]] = []
        self._busy = asyncio.Lock()
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._locks: set[int] = set()

    async def start(self) -> None:
        """Connect, then keep the connection alive in the background."""
        await self._connect()
        self._task = asyncio.create_task(self._keep_connected(), name="signals")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None and not self._connection.is_closed():
            self._connection.remove_termination_listener(self._terminated)
            self._connection.terminate()

    async def listen(self, channel: str, heard: Heard) -> None:
        """Call ``heard(payload)`` for every notification on ``channel``."""
        async with self._busy:
            self._callbacks[channel].append(heard)
            if len(self._callbacks[channel]) == 1 and self._connection is not None and not self._connection.is_closed():
                await self._connection.add_listener(channel, self._dispatch)

    def unlisten(self, channel: str, heard: Heard) -> None:
        """Stop calling ``heard``; the channel itself stays subscribed for the others."""
        if heard in self._callbacks[channel]:
            self._callbacks[channel].remove(heard)

    def on_gap(self, look: Callable[[], None]) -> None:
        """Call ``look`` whenever notifications may have been missed."""
        self._gap.append(look)

    async def try_lock(self, key: int) -> bool:
        """Take the advisory lock ``key`` (a signed 64-bit number) if no process has it."""
        if key in self._locks:
            return False
        self._locks.add(key)
        try:
            async with self._busy:
                taken = self._connection is not None and await self._connection.fetchval(
                    "SELECT pg_try_advisory_lock($1)", key
                )
        except GONE:
            taken = True  # the lock would have ended with the connection anyway; the unique key still decides
        if not taken:
            self._locks.discard(key)
        return bool(taken)

    async def unlock(self, key: int) -> None:
        """Give the advisory lock back."""
        self._locks.discard(key)
        try:
            async with self._busy:
                if self._connection is not None:
                    await self._connection.execute("SELECT pg_advisory_unlock($1)", key)
        except GONE:
            pass

    def _dispatch(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for heard in tuple(self._callbacks[channel]):
            heard(str(payload))

    def _terminated(self, _connection: object) -> None:
        self._lost.set()

    async def _connect(self) -> None:
        connection = await self._database.connect()
        async with self._busy:
            self._lost.clear()
            self._connection = connection
            connection.add_termination_listener(self._terminated)
            for channel in self._callbacks:
                await connection.add_listener(channel, self._dispatch)

    async def _keep_connected(self) -> None:
        while True:
            await self._lost.wait()
            delay = 0.02
            while True:
                try:
                    await self._connect()
                    break
                except GONE as error:
                    log.warning("signals_reconnecting", error=str(error))
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 1.0)
            for look in self._gap:
                look()
