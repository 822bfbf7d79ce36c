"""Bringing the tables up to date: Alembic for ours, PgQueuer's own installer for the queue's.

A yard whose tables are current starts without loading Alembic at all; otherwise a short-lived process does the work
under an advisory lock, so that any number of processes may start at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

from runyard.database.connection import Database
from runyard.database.errors import DatabaseError
from runyard.settings import Settings

VERSIONS = Path(__file__).parent / "migrations" / "versions"
LOCK = 0x52554E59415244  # "RUNYARD"
DEADLINE = 600.0


def head() -> str:
    """The newest revision: migrations are numbered files, so the last name tells."""
    return max(path.name for path in VERSIONS.glob("[0-9]*.py")).partition("_")[0]


async def migrate(database: Database, settings: Settings, dsn: str | None) -> None:
    """Bring the tables to :func:`head` unless they are there already."""
    if await current(database) == head():
        return
    environment = dict(os.environ, RUNYARD_DATABASE_SCHEMA=settings.database_schema)
    if dsn is not None:
        environment["RUNYARD_DATABASE_URL"] = dsn
    elif settings.database_url is not None:
        environment["RUNYARD_DATABASE_URL"] = settings.database_url.get_secret_value()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runyard.database.migrations", env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE):
            output, _ = await process.communicate()
    except TimeoutError:
        raise DatabaseError(f"The database could not be migrated to {head()} within {DEADLINE:g} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise DatabaseError(
            f"The database could not be migrated to {head()}:\n{output.decode(errors='replace').strip()}"
        )
    await database.pool.expire_connections()  # they were made before the schema, and prepared nothing in it


async def current(database: Database) -> str | None:
    """The revision the tables are at, or None for an empty database."""
    try:
        return str(await database.fetchval("SELECT version_num FROM alembic_version"))
    except asyncpg.UndefinedTableError:
        return None
