"""Keys in the database: who they let in, and when no longer."""

from datetime import timedelta
from uuid import UUID

import pytest

from runyard.identity import (
    Credential,
    InactiveUser,
    InvalidCredential,
    InvalidValue,
    KeyEnded,
    NotAMember,
    NotFound,
    Principal,
)
from runyard.identity.keys import digest, new_key

UNKNOWN = UUID(int=7)


@pytest.fixture
async def ada(store):
    return await store.users.create("Ada", login="ada", email="ada@example.com")


async def refusal(store, key):
    with pytest.raises(InvalidCredential) as error:
        await store.authenticate(key)
    return error.value.reason


async def test_a_key_lets_its_user_in(store, ada):
    await store.projects.add("apollo", members={ada.id: "admin"})
    issued = await store.keys.issue(ada.id, kind="ci", name="laptop")
    assert await store.authenticate(issued.secret.reveal()) == Principal(
        user_id=ada.id,
        number=ada.number,
        name="Ada",
        email="ada@example.com",
        credential=Credential(kind="api_key", id=issued.key.id),
        projects={"apollo": "admin"},
    )


async def test_a_project_key_reaches_that_project_and_does_not_administer(store):
    root = await store.users.create("Root", login="root", is_admin=True)
    for name in ("apollo", "gemini"):
        await store.projects.add(name, members={root.id: "member"})
    issued = await store.keys.issue(root.id, kind="ry", project="apollo")
    principal = await store.authenticate(issued.secret.reveal())
    assert principal.projects == {"apollo": "member"}
    assert principal.tenant == "project:apollo"
    assert not principal.is_admin
    free = await store.keys.issue(root.id, kind="ry")
    assert (await store.authenticate(free.secret.reveal())).is_admin


async def test_the_database_never_sees_the_key(store, database, ada):
    issued = await store.keys.issue(ada.id, kind="ci")
    row = await database.fetchrow("SELECT * FROM api_keys")
    assert row["digest"] == digest(issued.secret.reveal())
    assert issued.secret.reveal() not in repr(dict(row))


async def test_unknown_malformed_and_mistyped_keys_are_refused(store, ada):
    issued = (await store.keys.issue(ada.id, kind="ci")).secret.reveal()
    mistyped = issued[:10] + ("a" if issued[10] != "a" else "b") + issued[11:]
    assert await refusal(store, new_key("ci").reveal()) == "unknown"
    for key in ("", "ci_", mistyped, issued + "x", issued[:-1], f" {issued}", "ci_" + "é" * 40, "a\0b"):
        assert await refusal(store, key) == "malformed"


async def test_a_revoked_key_stays_refused_and_stays_listed(store, clock, ada):
    issued = await store.keys.issue(ada.id, kind="ci")
    at = clock.advance(hours=1)
    await store.keys.revoke(issued.key.id)
    clock.advance(hours=1)
    assert (await store.keys.revoke(issued.key.id)).revoked_at == at
    assert await refusal(store, issued.secret.reveal()) == "revoked"
    assert [store.keys.state(key) for key in await store.keys.of(ada.id)] == ["revoked"]


async def test_a_key_works_until_it_expires(store, clock, ada):
    issued = await store.keys.issue(ada.id, kind="ci", expires_in=timedelta(days=1))
    clock.advance(days=1, microseconds=-1)
    await store.authenticate(issued.secret.reveal())
    clock.advance(microseconds=1)
    assert await refusal(store, issued.secret.reveal()) == "expired"
    assert store.keys.state(issued.key) == "expired"


async def test_an_inactive_user_is_told_apart_from_a_bad_key(store, ada):
    issued = await store.keys.issue(ada.id, kind="ci")
    await store.users.deactivate(ada.id)
    with pytest.raises(InactiveUser):
        await store.authenticate(issued.secret.reveal())
    await store.keys.revoke(issued.key.id)
    assert await refusal(store, issued.secret.reveal()) == "revoked"
    await store.users.activate(ada.id)


async def test_an_inactive_user_can_be_given_keys(store, ada):
    await store.users.deactivate(ada.id)
    assert (await store.keys.issue(ada.id, kind="ci")).key.user_id == ada.id


async def test_keys_are_listed_newest_first_for_one_user_or_all(store, clock, ada):
    bob = await store.users.create("Bob", login="bob")
    issued = []
    for user in (ada, bob, ada):
        issued.insert(0, (await store.keys.issue(user.id, kind="ci")).key)
        clock.advance(seconds=1)
    assert await store.keys.all() == issued
    assert await store.keys.of(ada.id) == [issued[0], issued[2]]
    assert await store.keys.of(UNKNOWN) == []


async def test_a_key_for_nobody_or_a_strangers_project_says_which(store, ada):
    await store.projects.add("apollo")
    with pytest.raises(NotFound, match=f"User '{UNKNOWN}'"):
        await store.keys.issue(UNKNOWN, kind="ci")
    with pytest.raises(NotFound, match="Project 'gemini'"):
        await store.keys.issue(ada.id, kind="ry", project="gemini")
    with pytest.raises(NotAMember, match="runyard project add apollo --member ada"):
        await store.keys.issue(ada.id, kind="ry", project="apollo")
    assert await store.keys.all() == []


async def test_unknown_keys_cannot_be_revoked_or_rotated(store):
    for change in (store.keys.get, store.keys.revoke, store.keys.rotate):
        with pytest.raises(NotFound, match=f"API key '{UNKNOWN}' not found"):
            await change(UNKNOWN)


@pytest.mark.parametrize("time", [timedelta(0), timedelta(days=-1), timedelta(days=40_000)])
async def test_an_impossible_lifetime_is_refused(store, ada, time):
    with pytest.raises(InvalidValue):
        await store.keys.issue(ada.id, kind="ci", expires_in=time)


async def test_after_rotation_both_keys_work_until_the_overlap_ends(store, clock, ada):
    await store.projects.add("apollo", members={ada.id: "member"})
    old = await store.keys.issue(ada.id, kind="ry", name="deploy", project="apollo")
    clock.advance(days=100)
    new = await store.keys.rotate(old.key.id)
    assert (new.key.name, new.key.project, new.key.kind, new.key.rotated_from) == (
        "deploy",
        "apollo",
        "ry",
        old.key.id,
    )
    assert new.key.expires_at is None
    clock.advance(days=7, microseconds=-1)
    assert (await store.authenticate(old.secret.reveal())).user_id == ada.id
    assert (await store.authenticate(new.secret.reveal())).user_id == ada.id
    clock.advance(microseconds=1)
    assert await refusal(store, old.secret.reveal()) == "expired"
    await store.authenticate(new.secret.reveal())


async def test_rotation_never_prolongs_the_old_key_and_the_new_one_lives_as_long(store, clock, ada):
    old = await store.keys.issue(ada.id, kind="ci", expires_in=timedelta(days=30))
    clock.advance(days=28)
    new = await store.keys.rotate(old.key.id)
    assert (await store.keys.get(old.key.id)).expires_at == old.key.expires_at
    assert new.key.expires_at == clock.now + timedelta(days=30)


async def test_rotation_takes_another_overlap_and_lifetime(store, clock, ada):
    old = await store.keys.issue(ada.id, kind="ci")
    new = await store.keys.rotate(old.key.id, overlap=timedelta(0), expires_in=timedelta(hours=1))
    assert await refusal(store, old.secret.reveal()) == "expired"
    assert new.key.expires_at == clock.now + timedelta(hours=1)
    with pytest.raises(InvalidValue):
        await store.keys.rotate(new.key.id, overlap=timedelta(days=-1))


async def test_an_ended_key_cannot_be_rotated(store, clock, ada):
    revoked = await store.keys.issue(ada.id, kind="ci")
    await store.keys.revoke(revoked.key.id)
    expired = await store.keys.issue(ada.id, kind="ci", expires_in=timedelta(hours=1))
    clock.advance(hours=1)
    for issued, how in ((revoked, "revoked"), (expired, "expired")):
        with pytest.raises(KeyEnded, match=f"is {how}"):
            await store.keys.rotate(issued.key.id)
    assert len(await store.keys.all()) == 2


async def test_use_is_noted_at_most_once_a_minute(store, clock, database, ada):
    issued = await store.keys.issue(ada.id, kind="ci")

    async def use():
        await store.authenticate(issued.secret.reveal())
        await store.close()
        return (await store.keys.get(issued.key.id)).last_used_at

    first = clock.now
    assert await use() == first
    clock.advance(seconds=59)
    assert await use() == first
    second = clock.advance(seconds=1)
    assert await use() == second


async def test_many_uses_at_once_are_one_note(store, clock, ada):
    keys = [await store.keys.issue(ada.id, kind="ci") for _ in range(5)]
    for issued in keys * 3:
        await store.authenticate(issued.secret.reveal())
    await store.close()
    assert {key.last_used_at for key in await store.keys.all()} == {clock.now}


async def test_an_unused_or_refused_key_has_no_last_use(store, ada):
    issued = await store.keys.issue(ada.id, kind="ci")
    await store.keys.revoke(issued.key.id)
    await refusal(store, issued.secret.reveal())
    await store.close()
    assert (await store.keys.get(issued.key.id)).last_used_at is None


async def test_an_old_key_comes_with_a_warning_fit_for_a_header(store, clock, ada):
    issued = await store.keys.issue(ada.id, kind="ci", name="schlüssel")
    clock.advance(days=90, microseconds=-1)
    assert (await store.authenticate(issued.secret.reveal())).credential.warning is None
    clock.advance(microseconds=1)
    warning = (await store.authenticate(issued.secret.reveal())).credential.warning
    assert warning == store.keys.status(issued.key).warning
    assert warning == f"This API key is 90 days old. Ask the operator for a new one: runyard key rotate {issued.key.id}"
    assert warning.isascii()


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (timedelta(days=14, seconds=1), None),
        (timedelta(days=14), "expires in 14 days, on 2026-04-02"),
        (timedelta(days=1, hours=5), "expires in 2 days,"),
        (timedelta(hours=5), "expires within a day, on 2026-04-02"),
    ],
)
async def test_a_key_about_to_expire_says_so_even_when_it_is_old(store, clock, ada, left, says):
    issued = await store.keys.issue(ada.id, kind="ci", expires_in=timedelta(days=90))
    clock.now = issued.key.expires_at - left
    status = store.keys.status(issued.key)
    assert status.expires_in == left
    assert status.age == timedelta(days=90) - left
    assert (says in status.warning) if says else status.warning is None
