"""The pool of connections to Postgres, and the one place that decides what is retried when it goes away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg
import msgspec

from runyard.database.errors import DatabaseUnavailable

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
Connect: TypeAlias = "Callable[..., Awaitable[asyncpg.Connection[asyncpg.Record]]]"

GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # said of a connection that broke while it was given back to the pool
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""The server or the way to it went away. Whether the last statement took effect is unknown."""

CLASHED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""The transaction was rolled back because of a neighbour; it may simply be run again."""


class Database:
    """A pool whose work survives a restart of the server.

    Work handed to :meth:`transaction` and the fetch methods may run more than once, because a connection that breaks
    during COMMIT doesn't say what became of it. Every statement of the yard is therefore written to be repeatable: it
    is guarded by a key, a state, an attempt or a batch number.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], connect: Connect, *, timeout: float) -> None:
        self.pool = pool
        self.connect = connect
        self.timeout = timeout

    @classmethod
    async def open(cls, connect: Connect, *, size: int, timeout: float) -> Database:  # noqa: ASYNC109  (of statements)
        """Open a pool of up to ``size`` connections made by ``connect``.

        Statements are retried for ``timeout`` seconds.
        """
        pool = await asyncpg.create_pool(
            min_size=0, max_size=size, max_inactive_connection_lifetime=60.0, connect=connect, command_timeout=timeout,
            reset=_leave_as_it_is,
        )  # fmt: skip
        return cls(pool, connect, timeout=timeout)

    async def close(self) -> None:
        """Give running statements a moment, then close every connection."""
        try:
            await asyncio.wait_for(self.pool.close(), 5.0)
        except TimeoutError:
            self.pool.terminate()

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction and return what it returned, once it is committed."""

        async def attempt() -> T:
            async with self.pool.acquire() as connection, connection.transaction():
                return await work(connection)

        return await self._retry(attempt)

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Run one statement by itself and return its rows."""
        return await self._retry(lambda: self.pool.fetch(query, *values))

    async def fetchrow(self, query: str, *values: object) -> asyncpg.Record | None:
        """Run one statement by itself and return its first row."""
        return await self._retry(lambda: self.pool.fetchrow(query, *values))

    async def fetchval(self, query: str, *values: object) -> object:
        """Run one statement by itself and return the first column of its first row."""
        return await self._retry(lambda: self.pool.fetchval(query, *values))

    async def execute(self, query: str, *values: object) -> str:
        """Run one statement by itself and return its command tag."""
        return await self._retry(lambda: self.pool.execute(query, *values))

    async def try_once(self, query: str, *values: object) -> asyncpg.Record | None:
        """Run one statement by itself, once, and return its first row.

        None when it has none, or when the server went away: then nobody knows whether it took effect.
        """
        try:
            return await self.pool.fetchrow(query, *values)
        except (*GONE, *CLASHED):
            return None

    async def _retry(self, work: Callable[[], Awaitable[T]]) -> T:
        deadline = asyncio.get_running_loop().time() + self.timeout
        delay = 0.02
        while True:
            try:
                return await work()
            except asyncpg.exceptions.ClientConfigurationError as error:
                raise DatabaseUnavailable(f"RUNYARD_DATABASE_URL can't be used: {error}.") from error
            except (*GONE, *CLASHED) as error:
                if asyncio.get_running_loop().time() + delay > deadline or self.pool.is_closing():
                    raise DatabaseUnavailable(
                        f"The database did not answer for {self.timeout:g} s ({type(error).__name__}: {error})."
                    ) from error
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, 1.0)


async def _leave_as_it_is(_connection: object) -> None:
    """Nothing of ours changes a session, so asking the server to undo changes would only double the round trips."""


async def prepare_connection(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Teach a new connection that ``jsonb`` is plain Python data."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )
