"""One keyed select through SQLAlchemy Core on asyncpg, against asyncpg alone. Grounds for ADR 0002."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy import Column, Integer, MetaData, Table, Text, select
from sqlalchemy.ext.asyncio import create_async_engine

from runyard.testing.running import shared_postgres

ROUNDS = 2000


async def median(call: Callable[[], Awaitable[object]]) -> float:
    """Median milliseconds of a call, after a warm-up."""
    times = []
    for round_ in range(ROUNDS + 200):
        start = time.perf_counter()
        await call()
        if round_ >= 200:
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


async def main(url: str) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    await pool.execute("CREATE TABLE bench (id integer PRIMARY KEY, body text)")
    await pool.execute("INSERT INTO bench SELECT n, repeat('x', 100) FROM generate_series(1, 1000) AS n")
    table = Table("bench", MetaData(), Column("id", Integer, primary_key=True), Column("body", Text))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), pool_size=1)
    query = select(table).where(table.c.id == 500)

    async def by_core() -> object:
        async with engine.connect() as connection:
            return (await connection.execute(query)).one()

    async def by_hand() -> object:
        return await pool.fetchrow("SELECT id, body FROM bench WHERE id = $1", 500)

    hand, core = await median(by_hand), await median(by_core)
    print(f"keyed select: asyncpg {hand:.3f} ms, SQLAlchemy Core {core:.3f} ms, ratio {core / hand:.1f}")
    await pool.execute("DROP TABLE bench")
    await engine.dispose()
    await pool.close()


if __name__ == "__main__":
    with shared_postgres("bench-sql") as database:
        asyncio.run(main(database))
