"""A connection that breaks during COMMIT makes the database floor run work again: twice must be as good as once."""

import asyncio
from datetime import timedelta

import pytest

from runyard.database import Database
from runyard.identity import AlreadyExists, Principal
from runyard.identity.store import IdentityStore


class Twice(Database):
    """Forgets that every write was committed, and so does it again."""

    async def transaction(self, work):
        await super().transaction(work)
        return await super().transaction(work)

    async def execute(self, query, *values):
        await super().execute(query, *values)
        return await super().execute(query, *values)


@pytest.fixture
def store(database, settings, clock):
    return IdentityStore(Twice(database.pool, database.connect, timeout=database.timeout), settings, clock=clock)


async def test_creating_and_changing_users_twice(store):
    ada = await store.users.create("Ada", login="ada", email="ada@example.com")
    assert await store.users.all() == [ada]
    assert not (await store.users.deactivate(ada.id)).is_active
    assert (await store.users.activate(ada.id)).is_active
    with pytest.raises(AlreadyExists):
        await store.users.create("Ada", login="ada")
    assert (await store.users.update(ada.id, permissions=["a"], is_admin=True)).permissions == ("a",)
    await store.users.create("Bob", is_admin=True)
    await store.users.delete(ada.id)
    assert [user.name for user in await store.users.all()] == ["Bob"]


async def test_adding_and_removing_members_twice(store):
    ada = await store.users.create("Ada", login="ada")
    assert (await store.projects.add("apollo", members={ada.id: "admin"})).members == {"ada": "admin"}
    assert (await store.projects.remove_member("apollo", ada.id)).members == {}


async def test_issuing_rotating_and_revoking_twice(store, clock):
    ada = await store.users.create("Ada", login="ada")
    old = await store.keys.issue(ada.id, kind="ci")
    new = await store.keys.rotate(old.key.id, overlap=timedelta(0))
    assert [key.id for key in await store.keys.all() if store.keys.state(key) == "active"] == [new.key.id]
    assert len(await store.keys.all()) == 2
    principal = await store.authenticate(new.secret.reveal())
    assert isinstance(principal, Principal)
    await store.close()
    assert (await store.keys.get(new.key.id)).last_used_at == clock.now
    assert (await store.keys.revoke(new.key.id)).revoked_at == clock.now


async def test_of_many_users_at_once_with_one_email_one_is_created(database, settings, clock):
    store = IdentityStore(database, settings, clock=clock)
    outcomes = await asyncio.gather(
        *(store.users.create(f"Ada {n}", email="ada@example.com") for n in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyExists"] * 7 + ["User"]
    assert len(await store.users.all()) == 1
