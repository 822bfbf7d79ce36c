"""Numbers of users: in the order they came, never given twice; and how those of an older yard got theirs."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from runyard.database import open_database
from runyard.database.migrations.versions import __path__ as versions
from runyard.identity import NotFound, remembered
from runyard.identity.store import IdentityStore


async def test_numbers_grow_and_are_not_given_again(store):
    first, second = await store.users.create("first"), await store.users.create("second")
    assert second.number > first.number > 0
    assert await store.users.by_number(second.number) == second
    await store.users.delete(second.id)
    assert (await store.users.create("third")).number > second.number


@pytest.mark.parametrize("number", [0, -1, 2**31, 10**30])
async def test_a_number_that_nobody_has_is_named(store, number):
    with pytest.raises(NotFound, match=str(number)):
        await store.users.by_number(number)


async def test_pages_begin_with_the_oldest(store):
    made = [await store.users.create(f"user {n}") for n in range(5)]
    assert await store.users.page() == made
    assert await store.users.page(skip=1, limit=2) == made[1:3]
    assert await store.users.page(skip=4, limit=9) == made[4:]
    assert await store.users.page(limit=0) == await store.users.page(skip=9) == []


def statements(revision):
    (path,) = (path for folder in versions for path in Path(folder).glob(f"{revision}_*.py"))
    scope = {}
    exec(path.read_text(), scope)
    return scope["STATEMENTS"]


async def test_users_of_an_older_yard_are_numbered_in_the_order_they_came(settings, clock):
    schema = f"test_{uuid4().hex[:12]}"
    old = await asyncpg.connect(settings.database_url.get_secret_value(), server_settings={"search_path": schema})
    await old.execute(f"CREATE SCHEMA {schema}")
    for statement in statements("0001"):
        await old.execute(statement)
    await old.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await old.execute("INSERT INTO alembic_version VALUES ('0001')")
    insert = "INSERT INTO users (id, name, login, created_at) VALUES ($1, $2, $2, $3)"
    for id_, days in [(3, 2), (1, 3), (2, 1)]:
        await old.execute(insert, UUID(int=id_), f"day {days}", clock.now + timedelta(days=days))
    async with open_database(settings.model_copy(update={"database_schema": schema}), application="new") as database:
        store = IdentityStore(database, settings, clock=clock)
        users = await store.users.page()
        assert [(user.number, user.login, user.permissions) for user in users] == [
            (1, "day 1", ()),
            (2, "day 2", ()),
            (3, "day 3", ()),
        ]
        # a process of the old version still runs: what it writes gets a number as well
        await old.execute(insert, UUID(int=4), "late", clock.now)
        assert (await store.users.get(UUID(int=4))).number == 4
        assert (await store.users.create("new")).number == 5
        await database.execute(f"DROP SCHEMA {schema} CASCADE")
    await old.close()


def test_changes_are_told_on_the_channel_that_is_listened_to():
    assert any(f"pg_notify('{remembered.CHANNEL}'" in statement for statement in statements("0002"))
