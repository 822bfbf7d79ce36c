"""Tables are brought up to date once, from wherever they are, or left as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from runyard.database import Database, DatabaseError, open_database
from runyard.database import migrate as migrations
from runyard.database.migrate import current, head, migrate
from runyard.settings import Settings

NUMBERS = list(migrations._revisions())
CATALOG = """
    SELECT format('%s %s %s', c.relkind, c.relname, string_agg(format('%s %s %s %s %s', a.attname,
        format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage, pg_get_expr(d.adbin, d.adrelid)), ', '
        ORDER BY a.attnum))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = $1::regnamespace GROUP BY c.oid
    UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = $1::regnamespace
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = $1::regnamespace AND prokind = 'f'
    UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relnamespace = $1::regnamespace
"""


@pytest.fixture
async def chosen(yard_database: str) -> AsyncIterator[Settings]:
    """Settings that name a schema nobody has made yet."""
    settings = Settings(database_url=SecretStr(yard_database), database_schema=f"test_{uuid4().hex[:12]}")
    yield settings
    connection = await asyncpg.connect(yard_database)
    await connection.execute(f"DROP SCHEMA IF EXISTS {settings.database_schema} CASCADE")
    await connection.close()


async def tables(settings: Settings) -> tuple[str | None, list[str]]:
    """The revision, and everything there is in the schema."""
    async with open_database(settings, application="test") as database:
        rows = await database.fetch(CATALOG, settings.database_schema)
        return await current(database), sorted(row[0].replace(settings.database_schema, "here") for row in rows)


async def test_tables_are_made_once_however_many_start_at_once(chosen: Settings) -> None:
    """Invariant 10: any number of processes may start on an empty database."""

    async def start() -> str | None:
        async with open_database(chosen, application="test") as database:
            await database.fetch("SELECT id FROM jobs")
            return await current(database)

    assert await asyncio.gather(*(start() for _ in range(5))) == [head()] * 5
    async with open_database(chosen, application="test") as database:
        await migrate(database, chosen.database_schema)
        assert await current(database) == head() == NUMBERS[-1]


@pytest.mark.parametrize("number", NUMBERS[:-1])
async def test_a_yard_of_any_age_gets_the_tables_of_a_new_one(
    chosen: Settings, yard_database: str, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    known = migrations._revisions()
    with monkeypatch.context() as older:
        older.setattr(migrations, "_revisions", lambda: {one: known[one] for one in NUMBERS if one <= number})
        assert (await tables(chosen))[0] == number
    upgraded = await tables(chosen)
    connection = await asyncpg.connect(yard_database)
    await connection.execute(f"DROP SCHEMA {chosen.database_schema} CASCADE")
    await connection.close()
    assert upgraded == await tables(chosen)


async def test_a_migration_that_fails_says_why_and_leaves_a_whole_revision(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = import_module(f"runyard.database.migrations.versions.{migrations._revisions()[head()]}")
    with monkeypatch.context() as broken:
        broken.setattr(last, "STATEMENTS", ("CREATE TABLE half (one int)", "SELECT from_nowhere()"))
        with pytest.raises(DatabaseError, match=rf"could not be migrated to {head()} .*from_nowhere"):
            await tables(chosen)
        connection = await asyncpg.connect(
            chosen.database_url.get_secret_value(), server_settings={"search_path": chosen.database_schema}
        )
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == NUMBERS[-2]
        assert await connection.fetchval("SELECT to_regclass('half')") is None
        await connection.close()
    assert (await tables(chosen))[0] == head()


async def test_tables_of_a_newer_yard_are_left_alone(chosen: Settings) -> None:
    before = await tables(chosen)
    async with open_database(chosen, application="test") as database:
        await database.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(DatabaseError, match="it is at '9999'.* A newer one has used it"):
            await migrate(database, chosen.database_schema)
        await database.execute("UPDATE alembic_version SET version_num = $1", head())
    assert await tables(chosen) == before


async def test_a_server_that_goes_away_meanwhile_is_told_of(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariants 7 and 8: nobody waits for it for ever, and the message has no password."""

    async def refused() -> None:
        raise ConnectionRefusedError("nobody listens")

    async with open_database(chosen, application="test") as database:
        away = Database(database.pool, refused, timeout=1.0)  # type: ignore[arg-type]
        await database.execute("UPDATE alembic_version SET version_num = $1", NUMBERS[0])
        with pytest.raises(DatabaseError, match="could not be migrated .*nobody listens"):
            await migrate(away, chosen.database_schema)
