"""NOTIFY, heard on one connection per process. A notification is a hint: whoever gets one looks into the tables."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from runyard.database.connection import GONE, Database

if TYPE_CHECKING:
    import asyncpg

log = structlog.get_logger(__name__)

Heard = Callable[[str], None]

PULSE: Final = 15.0
"""Seconds between signs of life asked of the connection, and longest wait for one."""


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
        self._caught_up = False
        self._task: asyncio.Task[None] | None = None
        self._unlocking: set[asyncio.Task[None]] = set()
        self._locks: set[int] = set()

    async def start(self) -> None:
        """Connect, then keep the connection alive in the background."""
        await self._connect()
        self._caught_up = True
        self._task = asyncio.create_task(self._keep_connected(), name="signals")

    async def stop(self) -> None:
        """Stop listening."""
        self._caught_up = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None and not self._connection.is_closed():
            self._connection.remove_termination_listener(self._terminated)
            self._connection.terminate()

    @property
    def hearing(self) -> bool:
        """Whether notifications come, and everybody has looked after what they may have missed before.

        A connection that was cut off in silence counts as one that hears, until it is asked.
        """
        connection = self._connection
        return self._caught_up and not self._lost.is_set() and connection is not None and not connection.is_closed()

    async def listen(self, channel: str, heard: Heard) -> None:
        """Call ``heard(payload)`` for every notification on ``channel``."""
        async with self._busy:
            self._callbacks[channel].append(heard)
            if len(self._callbacks[channel]) == 1 and self._connection is not None and not self._connection.is_closed():
                with suppress(*GONE):  # the next connection listens to it
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
        except BaseException:  # cancelled: whether the lock was taken is unknown
            await self.unlock(key)
            raise
        if not taken:
            self._locks.discard(key)
        return bool(taken)

    async def unlock(self, key: int) -> None:
        """Give the advisory lock back, even when the caller is being cancelled."""
        unlocking = asyncio.create_task(self._unlock(key), name="unlock")
        self._unlocking.add(unlocking)
        unlocking.add_done_callback(self._unlocking.discard)
        await asyncio.shield(unlocking)

    async def _unlock(self, key: int) -> None:
        with suppress(*GONE):
            async with self._busy:
                if self._connection is not None:
                    await self._connection.execute("SELECT pg_advisory_unlock($1)", key)
        self._locks.discard(key)

    def _dispatch(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for heard in tuple(self._callbacks[channel]):
            heard(str(payload))

    def _terminated(self, connection: object) -> None:
        if connection is self._connection:
            self._lost.set()

    async def _connect(self) -> None:
        connection = await self._database.connect()
        async with self._busy:
            if self._connection is not None:
                self._connection.terminate()
            self._lost.clear()
            self._connection = connection
            connection.add_termination_listener(self._terminated)
            for channel in self._callbacks:
                await connection.add_listener(channel, self._dispatch)

    async def _keep_connected(self) -> None:
        while True:
            await self._until_lost()
            self._caught_up = False
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
            self._caught_up = True

    async def _until_lost(self) -> None:
        """Wait until the connection has gone, asking now and then: one that was cut off in silence never says so."""
        while True:
            try:
                async with asyncio.timeout(PULSE):
                    await self._lost.wait()
            except TimeoutError:
                pass
            else:
                return
            try:
                async with asyncio.timeout(PULSE), self._busy:
                    assert self._connection is not None
                    await self._connection.execute("SELECT 1")
            except GONE:
                return
