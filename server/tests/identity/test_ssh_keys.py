"""SSH keys of users: added, removed, and recognised by what they have signed."""

import asyncio
import threading
from uuid import UUID

import pytest

from runyard.identity import (
    AlreadyExists,
    InactiveUser,
    InvalidCredential,
    InvalidPublicKey,
    InvalidValue,
    NotFound,
    TooManyAttempts,
    ssh_keys,
)
from runyard.identity.public_keys import PublicKey, read_public_key
from runyard.identity.store import IdentityStore

from .signing import CHALLENGE, ED25519, LINE, OTHER, P256, P384, RSA, SIGNATURE, line_of, sign
from .test_repeats import Twice

LIMIT = 3


@pytest.fixture
async def alice(store):
    return await store.users.create("Alice", login="alice", email="alice@example.com", permissions=["x"])


async def enters(store, login="alice", *, signature=SIGNATURE, address="192.0.2.1"):
    return await store.ssh_keys.authenticate(login, signed=CHALLENGE, signature=signature, address=address)


# ------------------------------------------------------------------ adding and removing


async def test_a_key_reads_back_as_added(store, alice, clock):
    key = await store.ssh_keys.add(alice.id, f"{LINE} ada@laptop", name=" laptop ")
    assert await store.ssh_keys.of(alice.id) == await store.ssh_keys.all() == [key]
    assert (key.user_id, key.user, key.name, key.kind, key.source) == (
        alice.id,
        "alice",
        "laptop",
        "ED25519",
        "operator",
    )
    assert (key.line, key.fingerprint) == (LINE, read_public_key(LINE).fingerprint)
    assert (key.created_at, key.last_used_at) == (clock.now, None)


async def test_a_key_is_called_by_its_comment_or_else_by_the_time(store, alice, clock):
    assert (await store.ssh_keys.add(alice.id, f"{LINE} ada@laptop")).name == "ada@laptop"
    assert (await store.ssh_keys.add(alice.id, line_of(OTHER))).name == "20260102-030405"


async def test_names_and_keys_are_a_users_once(store, alice):
    bob = await store.users.create("Bob", login="bob")
    await store.ssh_keys.add(alice.id, f"{LINE} laptop")
    await store.ssh_keys.add(bob.id, f"{LINE} laptop")
    with pytest.raises(AlreadyExists, match="the key SHA256:"):
        await store.ssh_keys.add(alice.id, LINE, name="other")
    with pytest.raises(AlreadyExists, match="a key 'laptop'"):
        await store.ssh_keys.add(alice.id, line_of(OTHER), name="laptop")
    assert [key.user for key in await store.ssh_keys.all()] == ["alice", "bob"]


async def test_what_cannot_be_added_is_refused(store, alice):
    with pytest.raises(InvalidPublicKey):
        await store.ssh_keys.add(alice.id, "nonsense")
    for name in ("", " ", "a\0b", "x" * 201):
        with pytest.raises(InvalidValue, match="cannot be a key name"):
            await store.ssh_keys.add(alice.id, LINE, name=name)
    with pytest.raises(NotFound, match="User"):
        await store.ssh_keys.add(UUID(int=7), LINE)
    assert await store.ssh_keys.all() == []


async def test_keys_of_a_user_are_limited(store, alice, monkeypatch):
    """Invariant 5; also of those that are added at once."""
    monkeypatch.setattr(ssh_keys, "MOST", 2)
    outcomes = await asyncio.gather(
        *(store.ssh_keys.add(alice.id, line_of(key), name=key.__class__.__name__ + str(n)) for n, key in
          enumerate((ED25519, OTHER, RSA, P256, P384))),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidValue"] * 3 + ["SshKey"] * 2
    assert len(await store.ssh_keys.all()) == 2


async def test_a_removed_key_is_good_for_nothing(store, alice):
    added = await store.ssh_keys.add(alice.id, LINE, name="laptop")
    assert await store.ssh_keys.remove(alice.id, "laptop") == added
    with pytest.raises(InvalidCredential):
        await enters(store)
    for name in ("laptop", "a\0b"):
        with pytest.raises(NotFound, match="SSH key .* not found"):
            await store.ssh_keys.remove(alice.id, name)


async def test_keys_go_with_their_user(store, alice):
    await store.ssh_keys.add(alice.id, LINE)
    await store.users.create("Root", login="root", is_admin=True)
    await store.users.delete(alice.id)
    assert await store.ssh_keys.all() == []
    with pytest.raises(InvalidCredential):
        await enters(store)


async def test_adding_and_removing_twice_is_the_same_as_once(database, settings, clock):
    store = IdentityStore(Twice(database.pool, database.connect, timeout=database.timeout), settings, clock=clock)
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, LINE, name="laptop")
    await enters(store)
    assert (await store.ssh_keys.remove(alice.id, "laptop")).last_used_at == clock.now
    assert await store.ssh_keys.all() == []


# ------------------------------------------------------------------ who has signed


@pytest.mark.parametrize("login", ["alice", "alice@example.com"])
async def test_who_has_signed_is_let_in(store, alice, login):
    key = await store.ssh_keys.add(alice.id, LINE, name="laptop")
    assert await store.ssh_keys.any_of(login)
    principal = await enters(store, login)
    assert (principal.user_id, principal.number, principal.name) == (alice.id, alice.number, "Alice")
    assert (principal.credential.kind, principal.credential.id) == ("ssh_key", key.id)
    assert principal.permissions == {"x"}


async def test_a_principal_has_the_users_projects_and_rights(store):
    root = await store.users.create("Root", login="root", is_admin=True)
    await store.projects.add("apollo", members={root.id: "admin"})
    await store.ssh_keys.add(root.id, LINE)
    principal = await enters(store, "root")
    assert (principal.is_admin, principal.projects, principal.project) == (True, {"apollo": "admin"}, None)


@pytest.mark.parametrize("private", [ED25519, OTHER, RSA, P256, P384])
async def test_any_of_somebodys_keys_will_do(store, alice, private):
    for n, each in enumerate((ED25519, OTHER, RSA, P256, P384)):
        await store.ssh_keys.add(alice.id, line_of(each), name=str(n))
    principal = await enters(store, signature=sign(private))
    used = {key.id: key for key in await store.ssh_keys.all()}[principal.credential.id]
    assert used.line == line_of(private)


async def test_nobody_is_let_in_with_somebody_elses_key(store, alice):
    bob = await store.users.create("Bob", login="bob")
    await store.users.create("Carol", login="carol")
    await store.ssh_keys.add(alice.id, LINE)
    await store.ssh_keys.add(bob.id, line_of(OTHER))
    for login in ("bob", "carol", "nobody", "Alice", "", "a\0b", "\ud800", str(alice.id)):
        with pytest.raises(InvalidCredential):
            await enters(store, login)
    assert [await store.ssh_keys.any_of(login) for login in ("bob", "carol", "nobody", "", "a\0b")] == [
        True,
        *[False] * 4,
    ]


@pytest.mark.parametrize("login", ["alice", "carol", "nobody"])
async def test_a_refusal_takes_the_same_effort_for_those_who_do_not_exist(store, alice, login, monkeypatch):
    await store.users.create("Carol", login="carol")
    await store.ssh_keys.add(alice.id, LINE)
    tried = []
    verify = PublicKey.verify

    def counted(key, signature, data):
        tried.append((key.kind, threading.current_thread() is threading.main_thread()))
        return verify(key, signature, data)

    monkeypatch.setattr(PublicKey, "verify", counted)
    with pytest.raises(InvalidCredential):
        await enters(store, login, signature=sign(OTHER))
    assert tried == [("ED25519", False)]


def test_what_is_tried_in_place_of_a_key_is_one():
    assert not ssh_keys.DECOY.verify(SIGNATURE, CHALLENGE)


async def test_a_deactivated_user_is_kept_out(store, alice):
    await store.ssh_keys.add(alice.id, LINE)
    await store.users.deactivate(alice.id)
    with pytest.raises(InactiveUser):
        await enters(store)
    with pytest.raises(InvalidCredential):
        await enters(store, signature=sign(OTHER))
    await store.users.activate(alice.id)
    assert (await enters(store)).name == "Alice"


async def test_a_use_is_written_down_at_most_once_a_minute(store, alice, clock):
    await store.ssh_keys.add(alice.id, LINE)
    noted = []
    for seconds in (0, 59, 1):
        clock.advance(seconds=seconds)
        await enters(store)
        noted.append((await store.ssh_keys.all())[0].last_used_at)
    assert noted[0] == noted[1] < noted[2] == clock.now


# ------------------------------------------------------------------ trying out


@pytest.fixture
async def guarded(database, settings, clock, alice):
    store = IdentityStore(database, settings.model_copy(update={"login_attempts": LIMIT}), clock=clock)
    await store.ssh_keys.add(alice.id, LINE)
    return store


async def test_too_many_failures_refuse_even_the_right_signature(guarded, clock):
    for n in range(LIMIT):
        with pytest.raises(InvalidCredential):
            await enters(guarded, signature=b"x", address=f"192.0.2.{n}")
    with pytest.raises(TooManyAttempts) as error:
        await enters(guarded, address="198.51.100.1")
    assert error.value.retry_after == 300
    clock.advance(minutes=5)
    assert (await enters(guarded)).name == "Alice"


async def test_an_address_waits_whatever_names_it_tries_and_inactive_ones_count(guarded, store, alice):
    bob = await store.users.create("Bob", login="bob")
    await store.ssh_keys.add(bob.id, LINE)
    await store.users.deactivate(bob.id)
    for login, refusal in [("bob", InactiveUser), ("nobody", InvalidCredential), ("", InvalidCredential)]:
        with pytest.raises(refusal):
            await enters(guarded, login)
    with pytest.raises(TooManyAttempts):
        await enters(guarded)
    assert (await enters(guarded, address="198.51.100.1")).name == "Alice"


async def test_success_clears_the_name(guarded):
    for _ in range(2):
        for n in range(LIMIT - 1):
            with pytest.raises(InvalidCredential):
                await enters(guarded, signature=b"x", address=f"192.0.2.{n}")
        await enters(guarded, address="198.51.100.1")


async def test_passwords_and_keys_are_counted_together(guarded):
    for _ in range(LIMIT):
        with pytest.raises(InvalidCredential):
            await guarded.sign_in("alice", "wrong", address="192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await enters(guarded)


async def test_guesses_sent_at_once_are_counted(guarded):
    outcomes = await asyncio.gather(*(enters(guarded, signature=b"x") for _ in range(50)), return_exceptions=True)
    guesses = sum(isinstance(outcome, InvalidCredential) for outcome in outcomes)
    assert LIMIT <= guesses < LIMIT + ssh_keys.AT_ONCE
    assert sum(isinstance(outcome, TooManyAttempts) for outcome in outcomes) == 50 - guesses


async def test_good_signatures_at_once_are_all_let_in(guarded):
    assert {principal.name for principal in await asyncio.gather(*(enters(guarded) for _ in range(50)))} == {"Alice"}
