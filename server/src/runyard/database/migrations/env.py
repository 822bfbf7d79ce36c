"""Alembic's way into the database: one connection, one advisory lock, then PgQueuer's own upgrade."""

from __future__ import annotations

import asyncio

import asyncpg
from alembic import context
from pgqueuer.queries import Queries
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from runyard.database.migrate import LOCK
from runyard.settings import Settings


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> asyncpg.Connection[asyncpg.Record]:
    settings = Settings()
    assert settings.database_url is not None
    return await asyncpg.connect(
        settings.database_url.get_secret_value(), server_settings={"search_path": settings.database_schema}
    )


async def run() -> None:
    schema = Settings().database_schema
    guard = await connect()
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        await guard.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        queue = Queries.from_asyncpg_connection(guard)
        if await queue.schema_is_installed():
            await queue.apply_upgrade()
        else:
            await queue.install()
        engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=pool.NullPool)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            await connection.commit()
            await connection.run_sync(migrate)
            await connection.commit()
        await engine.dispose()
    finally:
        await guard.close()


asyncio.run(run())
