import asyncio
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from runyard.identity import (
    AlreadyExists,
    InactiveUser,
    InvalidCredential,
    InvalidEmail,
    InvalidValue,
    LastAdmin,
    NotFound,
)
from runyard.identity.passwords import Passwords
from runyard.identity.users import Users


async def test_a_user_reads_back_as_created(store):
    ada = await store.users.create("Ada Lovelace", login="ada", email="ada@example.com", is_admin=True)
    assert await store.users.get(ada.id) == ada
    assert await store.users.by_email("ada@example.com") == ada
    assert ada.is_active


@pytest.mark.parametrize("reference", ["ada", "ada@example.com", "id"])
async def test_a_user_is_found_by_login_email_and_id(store, reference):
    ada = await store.users.create("Ada", login="ada", email="ada@example.com")
    assert await store.users.find(str(ada.id) if reference == "id" else reference) == ada


@pytest.mark.parametrize(
    "reference", ["nobody", "n@example.com", "3f0e7c3c-1111-4222-8333-444455556666", "", "a\0b", "Ada"]
)
async def test_an_unknown_reference_is_named_in_the_error(store, reference):
    await store.users.create("Ada", login="ada")
    with pytest.raises(NotFound) as error:
        await store.users.find(reference)
    assert repr(reference) in str(error.value)


async def test_the_newest_user_comes_first(store, clock):
    names = []
    for name in ("first", "second", "third"):
        await store.users.create(name)
        names.insert(0, name)
        clock.advance(seconds=1)
    assert [user.name for user in await store.users.all()] == names


async def test_names_may_repeat_but_emails_and_logins_may_not(store):
    await store.users.create("Ada", login="ada", email="ada@example.com")
    await store.users.create("Ada")
    with pytest.raises(AlreadyExists, match="email 'ada@example.com' already exists"):
        await store.users.create("Ada", email="ada@example.com")
    with pytest.raises(AlreadyExists, match="login 'ada' already exists"):
        await store.users.create("Ada", login="ada")


async def test_emails_differ_by_case(store):
    await store.users.create("Ada", email="ada@example.com")
    await store.users.create("ADA", email="ADA@example.com")
    with pytest.raises(NotFound):
        await store.users.by_email("Ada@example.com")


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@example.c",
        "a da@example.com",
        "ada@example.com\n",
    ],
)
async def test_a_bad_email_is_refused_by_name(store, email):
    with pytest.raises(InvalidEmail, match="Invalid email") as error:
        await store.users.create("Ada", email=email)
    assert repr(email) in str(error.value)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "a\udce9", "x" * 201])
async def test_an_unprintable_name_is_refused(store, name):
    with pytest.raises(InvalidValue):
        await store.users.create(name)


@pytest.mark.parametrize("login", ["ada@example.com", "3f0e7c3c-1111-4222-8333-444455556666"])
async def test_a_login_that_could_be_something_else_is_refused(store, login):
    with pytest.raises(InvalidValue, match="cannot be a login"):
        await store.users.create("Ada", login=login)


async def test_deactivating_and_activating_twice_is_as_good_as_once(store):
    ada = await store.users.create("Ada")
    for _ in range(2):
        assert not (await store.users.deactivate(ada.id)).is_active
    for _ in range(2):
        assert (await store.users.activate(ada.id)).is_active


async def test_changing_a_user_that_is_not_there_says_so(store):
    unknown = UUID(int=7)
    for change in (
        store.users.activate,
        store.users.deactivate,
        lambda who: store.users.update(who, password="secret"),
        store.users.update,
        store.users.delete,
    ):
        with pytest.raises(NotFound, match=str(unknown)):
            await change(unknown)


async def test_signing_in_takes_login_or_email_and_the_right_password(store):
    ada = await store.users.create("Ada", login="ada", email="ada@example.com", password="correct horse")
    assert await store.users.sign_in("ada", "correct horse") == ada
    assert await store.users.sign_in("ada@example.com", "correct horse") == ada
    for name, password in [
        ("ada", "wrong"),
        ("ada", ""),
        ("bob", "correct horse"),
        ("a\0", "x"),
        ("ada", "x" * 5000),
    ]:
        with pytest.raises(InvalidCredential):
            await store.users.sign_in(name, password)


async def test_a_user_without_a_password_cannot_sign_in(store):
    await store.users.create("Ada", login="ada")
    with pytest.raises(InvalidCredential):
        await store.users.sign_in("ada", "")


async def test_only_the_right_password_tells_that_a_user_is_inactive(store):
    ada = await store.users.create("Ada", login="ada", password="correct horse")
    await store.users.deactivate(ada.id)
    with pytest.raises(InactiveUser):
        await store.users.sign_in("ada", "correct horse")
    with pytest.raises(InvalidCredential):
        await store.users.sign_in("ada", "wrong")


async def test_a_new_password_replaces_the_old_one(store):
    ada = await store.users.create("Ada", login="ada", password="old")
    await store.users.update(ada.id, password="new")
    assert await store.users.sign_in("ada", "new") == ada
    with pytest.raises(InvalidCredential):
        await store.users.sign_in("ada", "old")


async def test_signing_in_renews_a_hash_made_with_other_parameters(store, database, clock):
    ada = await store.users.create("Ada", login="ada", password="correct horse")
    stored = "SELECT password_hash FROM users WHERE id = $1"
    before = await database.fetchval(stored, ada.id)
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    users = Users(database, clock=clock, passwords=stronger, changed=lambda _: None)
    await users.sign_in("ada", "correct horse")
    after = await database.fetchval(stored, ada.id)
    assert before != after
    assert not stronger.outdated(str(after))
    await users.sign_in("ada", "correct horse")
    assert await database.fetchval(stored, ada.id) == after


async def test_a_password_is_stored_as_argon2id(store, database):
    ada = await store.users.create("Ada", login="ada", password="correct horse")
    assert str(await database.fetchval("SELECT password_hash FROM users WHERE id = $1", ada.id)).startswith(
        "$argon2id$"
    )


async def test_an_update_changes_what_is_given_and_nothing_else(store):
    ada = await store.users.create("Ada", login="ada", password="old", permissions=["a", "b"])
    changed = await store.users.update(ada.id, password="new", permissions=["c"], is_admin=True)
    assert (changed.permissions, changed.is_admin, changed.is_active) == (("c",), True, True)
    assert await store.users.sign_in("ada", "new") == changed
    assert await store.users.update(ada.id) == changed
    assert (await store.users.update(ada.id, permissions=[])).permissions == ()


async def test_an_update_that_is_refused_changes_nothing(store):
    ada = await store.users.create("Ada", login="ada", password="old", permissions=["a"])
    for wrong in (
        {"password": ""},
        {"permissions": ["a\nb"]},
        {"permissions": ["a,b"]},
        {"permissions": map(str, range(65))},
    ):
        with pytest.raises(InvalidValue):
            await store.users.update(ada.id, is_admin=True, **wrong)
    assert await store.users.sign_in("ada", "old") == ada


async def test_permissions_are_kept_once_and_in_their_order(store):
    ada = await store.users.create("Ada", permissions=[" write ", "read", "", "write", "read:jobs"])
    assert ada.permissions == ("write", "read", "read:jobs")


async def test_a_deleted_users_keys_and_memberships_go_and_their_jobs_stay(store, database):
    ada = await store.users.create("Ada", login="ada", password="right")
    await store.projects.add("apollo", members={ada.id: "member"})
    key = (await store.keys.issue(ada.id, kind="ry", project="apollo")).secret.reveal()
    await database.execute(
        "INSERT INTO jobs (id, kind, owner, tenant, params, max_attempts, created_at)"
        " VALUES ($1, 'test', $1, 'user:x', '{}'::jsonb, 1, now())",
        ada.id,
    )
    await store.users.delete(ada.id)
    with pytest.raises(InvalidCredential):
        await store.authenticate(key)
    with pytest.raises(InvalidCredential):
        await store.users.sign_in("ada", "right")
    assert (await store.projects.get("apollo")).members == {}
    assert await database.fetchval("SELECT owner FROM jobs WHERE id = $1", ada.id) == ada.id
    await database.execute("DELETE FROM jobs WHERE id = $1", ada.id)


WAYS_OUT = {
    "deleted": lambda users, who: users.delete(who),
    "demoted": lambda users, who: users.update(who, is_admin=False),
    "deactivated": lambda users, who: users.deactivate(who),
}


@pytest.mark.parametrize("leave", WAYS_OUT.values(), ids=WAYS_OUT)
async def test_the_last_active_admin_cannot_leave(store, leave):
    ada = await store.users.create("Ada", login="ada", is_admin=True)
    bob = await store.users.create("Bob", login="bob", is_admin=True, is_active=False)
    with pytest.raises(LastAdmin, match="'ada' is the last active admin"):
        await leave(store.users, ada.id)
    assert await store.users.get(ada.id) == ada
    await store.users.activate(bob.id)
    await leave(store.users, ada.id)
    with pytest.raises(LastAdmin, match="'bob'"):
        await leave(store.users, bob.id)


@pytest.mark.parametrize("leave", WAYS_OUT.values(), ids=WAYS_OUT)
async def test_of_two_admins_that_leave_at_once_one_stays(store, leave):
    for _ in range(5):
        ada, bob = [await store.users.create(name, is_admin=True) for name in ("Ada", "Bob")]
        left = await asyncio.gather(leave(store.users, ada.id), leave(store.users, bob.id), return_exceptions=True)
        assert sum(isinstance(one, LastAdmin) for one in left) == 1
        await store.users._database.execute("DELETE FROM users")


async def test_others_come_and_go_as_they_like(store):
    await store.users.create("Ada", is_admin=True)
    bob = await store.users.create("Bob")
    await store.users.deactivate(bob.id)
    await store.users.delete(bob.id)
    with pytest.raises(NotFound):
        await store.users.delete(bob.id)
