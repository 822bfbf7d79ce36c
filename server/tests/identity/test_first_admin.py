"""A yard that nobody can administer over HTTP gets an admin, and says the password once."""

import asyncio

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from runyard.identity.first_admin import ensure_admin


async def test_the_first_admin_has_a_password_of_chance(store, settings):
    password = await ensure_admin(store, settings)
    assert len(password) >= 24
    admin = await store.users.sign_in("admin", password)
    assert (admin.is_admin, admin.permissions) == (True, ("*",))


async def test_a_second_start_says_nothing(store, settings):
    assert await ensure_admin(store, settings) is not None
    assert await ensure_admin(store, settings) is None
    assert len(await store.users.all()) == 1


async def test_the_operator_may_choose_the_password(store, settings):
    chosen = settings.model_copy(update={"admin_password": SecretStr("chosen")})
    assert await ensure_admin(store, chosen) is None
    assert (await store.users.sign_in("admin", "chosen")).is_admin


async def test_the_chosen_password_does_not_replace_another(store, settings):
    await store.users.create("admin", login="admin", password="old", is_admin=True)
    assert await ensure_admin(store, settings.model_copy(update={"admin_password": SecretStr("new")})) is None
    assert (await store.users.sign_in("admin", "old")).is_admin


async def test_any_admin_who_can_sign_in_will_do(store, settings):
    await store.users.create("Grace", login="grace", is_admin=True)
    assert await ensure_admin(store, settings) is None


@pytest.mark.parametrize("other", [{"email": "grace@example.com", "is_admin": True}, {"login": "grace"}])
async def test_others_will_not(store, settings, other):
    await store.users.create("Grace", **other)
    assert await ensure_admin(store, settings) is not None


async def test_a_plain_user_called_admin_is_not_made_one(store, settings):
    await store.users.create("admin", login="admin", password="old")
    with capture_logs() as logs:
        assert await ensure_admin(store, settings) is None
    assert not (await store.users.find("admin")).is_admin
    assert [log["way_out"] for log in logs] == ["The user 'admin' is no admin: runyard user promote admin"]


async def test_of_many_starts_at_once_one_makes_the_admin(store, settings):
    said = await asyncio.gather(*(ensure_admin(store, settings) for _ in range(4)))
    assert sorted(password is None for password in said) == [False, True, True, True]
    (password,) = filter(None, said)
    assert (await store.users.sign_in("admin", password)).is_admin
