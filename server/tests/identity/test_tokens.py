"""Tokens: what they say, whom they let in, for how long, and how soon a change of their user counts."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from runyard.database import Signals
from runyard.identity import Credential, InactiveUser, InvalidCredential, Principal, callers, tokens
from runyard.identity.store import IdentityStore

DEADLINE = 10.0


@pytest.fixture
async def ada(store):
    return await store.users.create("Ada", login="ada", password="s3cret", permissions=["read:jobs", "write:jobs"])


@pytest.fixture
async def token(store, ada):
    return await store.tokens.issue(ada)


def payload_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


async def reason(store, presented):
    with pytest.raises(InvalidCredential) as error:
        await store.authenticate(presented)
    return error.value.reason


@asynccontextmanager
async def hearing(database, store):
    """The store as a server has it: it remembers callers, and hears of changes."""
    signals = Signals(database)
    await signals.start()
    try:
        await store.listen(signals)
        yield signals
    finally:
        await signals.stop()


async def heard(signals, database):
    """Wait until everything that was notified before has been heard."""
    said = asyncio.Event()
    await signals.listen("identity_tests", lambda _: said.set())
    await database.execute("SELECT pg_notify('identity_tests', '')")
    await asyncio.wait_for(said.wait(), DEADLINE)


class Asked:
    """Counts the questions that reach the database."""

    def __init__(self, store, monkeypatch):
        self.times = 0
        look = store._callers._look

        async def counting(number):
            self.times += 1
            return await look(number)

        monkeypatch.setattr(store._callers, "_look", counting)


async def test_a_token_says_who_until_when_with_which_rights_and_no_more(store, ada, token, clock):
    assert payload_of(token) == {
        "id": str(ada.number),
        "permissions": ["read:jobs", "write:jobs"],
        "is_admin": False,
        "exp": int((clock.now + timedelta(minutes=30)).timestamp()),
    }


async def test_a_token_lets_its_user_in(store, ada, token, clock):
    await store.projects.add("apollo", members={ada.id: "admin"})
    assert await store.authenticate(token) == Principal(
        user_id=ada.id,
        number=ada.number,
        name="Ada",
        credential=Credential(kind="token", expires_at=(clock.now + timedelta(minutes=30)).replace(microsecond=0)),
        projects={"apollo": "admin"},
        permissions=frozenset({"read:jobs", "write:jobs"}),
    )


async def test_a_token_ends(store, token, clock):
    clock.advance(minutes=29, seconds=59)
    await store.authenticate(token)
    clock.advance(seconds=1)
    assert await reason(store, token) == "expired"
    assert await reason(store, token) == "expired"


@pytest.mark.parametrize(
    "payload",
    [
        b"not json", b"5", b"null", b"[]", b"{}", b"\xff",
        {"id": 1}, {"id": None}, {"id": ""}, {"id": "one"}, {"id": "-1"}, {"id": "١"}, {"id": "9" * 11},
        {"permissions": "a"}, {"permissions": [1]}, {"permissions": None}, {"is_admin": 1}, {"is_admin": "true"},
        {"exp": "1"}, {"exp": None}, {"exp": -1}, {"exp": 1e400}, {"exp": 10**18}, {"exp": True},
    ],
)  # fmt: skip
async def test_a_payload_of_another_shape_is_told_from_a_forgery(store, ada, token, payload):
    if isinstance(payload, dict):
        payload = json.dumps(payload_of(token) | payload).encode()
    assert await reason(store, (await store.tokens.key()).sign(payload)) == "payload"


@pytest.mark.parametrize("number", ["0", "2147483647", "9999999999"])
async def test_a_token_of_nobody_is_refused(store, ada, token, number):
    payload = json.dumps(payload_of(token) | {"id": number}).encode()
    assert await reason(store, (await store.tokens.key()).sign(payload)) == "unknown"


@pytest.mark.parametrize("presented", ["a.b.c", "..", "a.b", "a.b.c.d", "é.é.é", ""])
async def test_what_is_neither_token_nor_key_is_refused(store, presented):
    assert await reason(store, presented) in {"signature", "malformed"}


async def test_a_token_of_another_yard_is_refused(store, database, settings, clock, tmp_path, ada):
    other = IdentityStore(database, settings.model_copy(update={"data_dir": tmp_path}), clock=clock)
    assert await reason(store, await other.tokens.issue(ada)) == "signature"


async def test_every_process_of_a_yard_accepts_its_tokens(store, database, settings, clock, token, ada):
    other = IdentityStore(database, settings, clock=clock)
    assert (await other.authenticate(token)).user_id == ada.id


CHANGES = {
    "deactivated": lambda store, ada: store.users.deactivate(ada.id),
    "deleted": lambda store, ada: store.users.delete(ada.id),
    "promoted": lambda store, ada: store.users.update(ada.id, is_admin=True),
    "less permitted": lambda store, ada: store.users.update(ada.id, permissions=[]),
    "in a project": lambda store, ada: store.projects.add("apollo", members={ada.id: "member"}),
    "out of a project": lambda store, ada: store.projects.remove_member("gemini", ada.id),
}


async def outcome(store, token):
    try:
        caller = await store.authenticate(token)
    except (InvalidCredential, InactiveUser) as error:
        return type(error)
    return caller.is_admin, caller.permissions, caller.projects


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_counts_at_once_where_it_was_made_and_where_it_is_heard(
    store, database, settings, clock, ada, token, change
):
    await store.projects.add("gemini", members={ada.id: "member"})
    other = IdentityStore(database, settings, clock=clock)
    async with hearing(database, store), hearing(database, other) as signals:
        before = await outcome(store, token)
        assert await outcome(other, token) == before
        await change(store, ada)
        after = await outcome(store, token)
        assert after != before
        await heard(signals, database)
        assert await outcome(other, token) == after


async def test_a_change_made_by_hand_is_heard(store, database, ada, token):
    async with hearing(database, store) as signals:
        assert not (await store.authenticate(token)).is_admin
        await database.execute("UPDATE users SET is_admin = true WHERE id = $1", ada.id)
        await heard(signals, database)
        assert (await store.authenticate(token)).is_admin


async def test_the_database_is_asked_once_while_nothing_changes(store, database, ada, token, monkeypatch):
    asked = Asked(store, monkeypatch)
    async with hearing(database, store):
        for _ in range(5):
            await store.authenticate(token)
            await store.authenticate(await store.tokens.issue(ada))
    assert asked.times == 1


async def test_who_does_not_hear_of_changes_asks_every_time(store, token, monkeypatch):
    asked = Asked(store, monkeypatch)
    for _ in range(3):
        await store.authenticate(token)
    assert asked.times == 3


async def test_nobody_is_remembered_for_long(store, database, clock, token, monkeypatch):
    """The connection that changes are heard on may be cut off without a word."""
    asked = Asked(store, monkeypatch)
    async with hearing(database, store):
        await store.authenticate(token)
        clock.advance(seconds=14)
        await store.authenticate(token)
        assert asked.times == 1
        clock.advance(seconds=1)
        await store.authenticate(token)
        assert asked.times == 2


async def test_after_a_gap_everybody_is_looked_up_again(store, database, token, monkeypatch):
    asked = Asked(store, monkeypatch)
    async with hearing(database, store) as signals:
        await store.authenticate(token)
        again = asyncio.Event()
        signals.on_gap(again.set)
        signals._connection.terminate()
        await asyncio.wait_for(again.wait(), DEADLINE)
        await store.authenticate(token)
    assert asked.times == 2


async def test_what_was_read_before_a_change_is_not_remembered_after_it(store, database, ada, token, monkeypatch):
    look = store._callers._look

    async def overtaken(number):
        found = await look(number)
        await store.users.update(ada.id, is_admin=True)
        return found

    async with hearing(database, store):
        monkeypatch.setattr(store._callers, "_look", overtaken)
        await store.authenticate(token)
        monkeypatch.setattr(store._callers, "_look", look)
        assert (await store.authenticate(token)).is_admin


async def test_memory_is_bounded(store, database, ada, monkeypatch):
    """Invariant 5."""
    monkeypatch.setattr(callers, "MOST", 3)
    monkeypatch.setattr(tokens, "MOST", 4)
    async with hearing(database, store):
        for n in range(8):
            user = await store.users.create(f"user {n}")
            await store.authenticate(await store.tokens.issue(user))
    assert len(store._callers._known) == len(store._callers._numbers) == 3
    assert len(store.tokens._verified) == 4


async def test_a_token_that_has_ended_is_forgotten(store, token, clock):
    await store.authenticate(token)
    clock.advance(hours=1)
    assert await reason(store, token) == "expired"
    assert not store.tokens._verified


async def test_tokens_are_not_kept_in_the_clear(store, token):
    await store.authenticate(token)
    assert token not in repr(store.tokens._verified)


async def test_the_payload_of_a_token_is_compact(token):
    assert msgspec.json.encode(payload_of(token)) == base64.urlsafe_b64decode(token.split(".")[1] + "==")
