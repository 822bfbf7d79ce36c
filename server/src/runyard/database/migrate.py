"""Bringing the tables up to date: numbered files of statements for ours, PgQueuer's own installer for the queue's.

A yard whose tables are current starts with one query. Otherwise what is missing is run under an advisory lock, so that
any number of processes may start at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import asyncpg

from runyard.database.connection import Connection, Database
from runyard.database.errors import DatabaseError

VERSIONS = Path(__file__).parent / "migrations" / "versions"
LOCK = 0x52554E59415244  # "RUNYARD"
DEADLINE = 600.0


def head() -> str:
    """The newest revision."""
    return max(_revisions())


async def current(database: Database | Connection) -> str | None:
    """The revision the tables are at, or None for an empty database."""
    try:
        revision = await database.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    return None if revision is None else str(revision)


async def migrate(database: Database, schema: str) -> None:
    """Bring the tables in ``schema`` to :func:`head` unless they are there already.

    Raises:
        DatabaseError: a statement failed, or a newer Runyard has been here; the tables stay at a whole revision.
    """
    if await current(database) == head():
        return
    try:
        async with asyncio.timeout(DEADLINE):
            connection = await database.connect()
            try:
                await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
                await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                await _install_queue(connection)
                for number in _missing(await current(connection)):
                    async with connection.transaction():
                        await _apply(connection, number)
            finally:
                await connection.close(timeout=5.0)
    except TimeoutError:
        raise DatabaseError(f"The database could not be migrated to {head()} within {DEADLINE:g} s.") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseError(
            f"The database could not be migrated to {head()} ({type(error).__name__}): {error}"
        ) from error
    await database.pool.expire_connections()  # they were made before the schema, and prepared nothing in it


def _revisions() -> dict[str, str]:
    """Names of the files by their numbers, the oldest first."""
    return {path.stem.partition("_")[0]: path.stem for path in sorted(VERSIONS.glob("[0-9]*.py"))}


def _missing(at: str | None) -> Iterator[str]:
    """The revisions to come after ``at``."""
    numbers = list(_revisions())
    if at is None:
        yield from numbers
    elif at in numbers:
        yield from numbers[numbers.index(at) + 1 :]
    else:
        raise DatabaseError(
            f"The database could not be migrated to {head()}: it is at {at!r}, which this Runyard does not know. "
            f"A newer one has used it; start that one."
        )


async def _apply(connection: Connection, number: str) -> None:
    module = import_module(f"runyard.database.migrations.versions.{_revisions()[number]}")
    for statement in module.STATEMENTS:
        await connection.execute(statement)
    # Named for the tool that kept it first: yards of that time go on from where they are.
    await connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)")
    await connection.execute("DELETE FROM alembic_version")
    await connection.execute("INSERT INTO alembic_version VALUES ($1)", number)


async def _install_queue(connection: Connection) -> None:
    from pgqueuer.queries import Queries  # noqa: PLC0415  (of no use to a yard whose tables are current)

    queue = Queries.from_asyncpg_connection(connection)
    if await queue.schema_is_installed():
        await queue.apply_upgrade()
    else:
        await queue.install()
