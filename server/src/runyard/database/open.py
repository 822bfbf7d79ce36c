"""Opening the yard's database: embedded or by URL, migrated, with a pool and the process's ear for notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from runyard.database.connection import Connect, Database, prepare_connection
from runyard.database.embedded import EmbeddedPostgres
from runyard.database.errors import DatabaseUnavailable
from runyard.database.migrate import migrate
from runyard.settings import Settings


@asynccontextmanager
async def open_database(settings: Settings, *, application: str) -> AsyncIterator[Database]:
    """Yield the database of this yard, with every table in place.

    Args:
        settings: where the database is; without a URL the embedded one is started, and stopped by its last user.
        application: name shown in ``pg_stat_activity``.

    Raises:
        DatabaseUnavailable: the text says what is wrong and what to do.
    """
    embedded = EmbeddedPostgres(settings.data_dir) if settings.database_url is None else None
    if embedded is not None:
        await asyncio.to_thread(embedded.acquire)
    try:
        connect = connector(settings, embedded, application=application)
        database = await Database.open(connect, size=settings.database_pool, timeout=settings.database_timeout)
        try:
            await migrate(database, settings.database_schema)
            yield database
        finally:
            await database.close()
    finally:
        if embedded is not None:
            await asyncio.to_thread(embedded.release)


def connector(settings: Settings, embedded: EmbeddedPostgres | None, *, application: str) -> Connect:
    """Return the function that makes connections; in embedded mode it revives a server that died."""
    dsn = embedded.dsn if embedded is not None else _url(settings)

    async def connect(*_: object, **__: object) -> asyncpg.Connection[asyncpg.Record]:
        options = {
            "dsn": dsn,
            "timeout": 10.0,
            "server_settings": {
                "search_path": settings.database_schema,
                "application_name": application,
                "timezone": "UTC",
            },
        }
        try:
            connection = await asyncpg.connect(**options)
        except OSError:
            if embedded is None:
                raise
            try:
                await asyncio.to_thread(embedded.ensure_running)
            except DatabaseUnavailable as error:
                raise ConnectionRefusedError(str(error)) from error  # to be tried again, like any server that is away
            connection = await asyncpg.connect(**options)
        await prepare_connection(connection)
        return connection

    return connect


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()
