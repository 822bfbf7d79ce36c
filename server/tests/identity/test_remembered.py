"""Whom tokens and keys prove is remembered, and how soon a change counts: at once where it is made, and when it is heard."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from runyard.database import Signals
from runyard.identity import CredentialError, InvalidCredential, remembered
from runyard.identity.store import IdentityStore

DEADLINE = 10.0


@pytest.fixture
async def ada(store):
    ada = await store.users.create("Ada", login="ada", permissions=["read:jobs", "write:jobs"])
    await store.projects.add("gemini", members={ada.id: "member"})
    return ada


@pytest.fixture(params=["token", "key"])
async def presented(request, store, ada):
    if request.param == "token":
        return await store.tokens.issue(ada)
    return (await store.keys.issue(ada.id, kind="ry")).secret.reveal()


@pytest.fixture
async def key(store, ada):
    return await store.keys.issue(ada.id, kind="ry", expires_in=timedelta(days=1))


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
        for one in (store._callers, store.keys._recognised):
            monkeypatch.setattr(one, "_look", self._counting(one._look))

    def _counting(self, look):
        async def counting(handle):
            self.times += 1
            return await look(handle)

        return counting


@pytest.fixture
def asked(store, monkeypatch):
    return Asked(store, monkeypatch)


async def outcome(store, presented):
    try:
        caller = await store.authenticate(presented)
    except CredentialError as error:
        return type(error), str(error)
    return caller.is_admin, caller.permissions, caller.projects, caller.credential.warning


CHANGES = {
    "deactivated": lambda store, ada: store.users.deactivate(ada.id),
    "deleted": lambda store, ada: store.users.delete(ada.id),
    "promoted": lambda store, ada: store.users.update(ada.id, is_admin=True),
    "less permitted": lambda store, ada: store.users.update(ada.id, permissions=[]),
    "in a project": lambda store, ada: store.projects.add("apollo", members={ada.id: "member"}),
    "out of a project": lambda store, ada: store.projects.remove_member("gemini", ada.id),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_counts_at_once_where_it_was_made_and_where_it_is_heard(
    store, database, settings, clock, ada, presented, change
):
    other = IdentityStore(database, settings, clock=clock)
    async with hearing(database, store), hearing(database, other) as signals:
        before = await outcome(store, presented)
        assert await outcome(other, presented) == before
        await change(store, ada)
        after = await outcome(store, presented)
        assert after != before
        await heard(signals, database)
        assert await outcome(other, presented) == after
    await other.close()


KEY_CHANGES = {
    "revoked": lambda store, key: store.keys.revoke(key.id),
    "rotated": lambda store, key: store.keys.rotate(key.id, overlap=timedelta(0)),
}


@pytest.mark.parametrize("change", KEY_CHANGES.values(), ids=KEY_CHANGES)
async def test_a_key_ends_at_once_where_it_was_ended_and_where_it_is_heard(
    store, database, settings, clock, key, change
):
    other, presented = IdentityStore(database, settings, clock=clock), key.secret.reveal()
    async with hearing(database, store), hearing(database, other) as signals:
        assert await outcome(store, presented) == await outcome(other, presented)
        await change(store, key.key)
        ended = await outcome(store, presented)
        assert issubclass(ended[0], CredentialError)
        await heard(signals, database)
        assert await outcome(other, presented) == ended
    await other.close()


BY_HAND = {
    "a user": "UPDATE users SET is_admin = true",
    "a key": "UPDATE api_keys SET revoked_at = now()",
    "a key's project": "UPDATE api_keys SET project = 'gemini'",
    "no key": "DELETE FROM api_keys",
}


@pytest.mark.parametrize("change", BY_HAND.values(), ids=BY_HAND)
async def test_a_change_made_by_hand_is_heard(store, database, ada, key, change):
    await store.users.update(ada.id, permissions=[])
    await store.projects.add("apollo", members={ada.id: "member"})
    async with hearing(database, store) as signals:
        before = await outcome(store, key.secret.reveal())
        await database.execute(change)
        await heard(signals, database)
        assert await outcome(store, key.secret.reveal()) != before


async def test_the_database_is_asked_once_while_nothing_changes(store, database, presented, asked):
    async with hearing(database, store) as signals:
        for _ in range(5):
            await store.authenticate(presented)
        await store.keys.close()  # has written that the key was used
        await heard(signals, database)
        await store.authenticate(presented)
    assert asked.times == 1


async def test_a_remembered_key_expires_by_the_clock(store, database, clock, key, asked):
    clock.advance(hours=23, minutes=59, seconds=59)
    async with hearing(database, store):
        assert (await store.authenticate(key.secret.reveal())).credential.expires_at == key.key.expires_at
        clock.advance(seconds=1)
        with pytest.raises(InvalidCredential) as ended:
            await store.authenticate(key.secret.reveal())
    assert ended.value.reason == "expired"
    assert asked.times == 1


async def test_a_remembered_key_is_noted_as_used_every_minute(store, database, clock, ada, key, monkeypatch):
    monkeypatch.setattr(remembered, "STALE", timedelta(hours=1))
    written = []
    execute = store.keys._uses._database.execute

    async def counting(query, *values):
        written.append(query)
        return await execute(query, *values)

    monkeypatch.setattr(store.keys._uses._database, "execute", counting)
    async with hearing(database, store):
        for _ in range(4):
            await store.authenticate(key.secret.reveal())
            clock.advance(seconds=30)
        await store.keys.close()
    assert (await store.keys.get(key.key.id)).last_used_at == clock.now - timedelta(seconds=60)
    assert len(written) <= 2


async def test_who_does_not_hear_of_changes_asks_every_time(store, presented, asked):
    for _ in range(3):
        await store.authenticate(presented)
    assert asked.times == 3


async def test_nobody_is_remembered_for_long(store, database, clock, presented, asked):
    """The connection that changes are heard on may be cut off without a word."""
    async with hearing(database, store):
        await store.authenticate(presented)
        clock.advance(seconds=14)
        await store.authenticate(presented)
        assert asked.times == 1
        clock.advance(seconds=1)
        await store.authenticate(presented)
        assert asked.times == 2


async def test_while_changes_cannot_be_heard_nothing_is_remembered(store, database, presented, asked, monkeypatch):
    """From the moment that the connection is lost until the next one listens, every caller is looked up."""
    async with hearing(database, store) as signals:
        await store.authenticate(presented)
        connect, gap, back = database.connect, asyncio.Event(), asyncio.Event()
        signals.on_gap(back.set)

        async def later():
            await gap.wait()
            return await connect()

        monkeypatch.setattr(database, "connect", later)
        signals._connection.terminate()
        for times in (2, 3):
            await store.authenticate(presented)
            assert asked.times == times
        gap.set()
        await asyncio.wait_for(back.wait(), DEADLINE)
        async with asyncio.timeout(DEADLINE):
            times = 0
            while times != asked.times:  # a busy machine may lose the connection once more
                times = asked.times
                await store.authenticate(presented)
        assert asked.times >= 4


async def test_what_was_changed_while_nobody_heard_counts_afterwards(store, database, ada, presented):
    async with hearing(database, store) as signals:
        assert not (await store.authenticate(presented)).is_admin
        back = asyncio.Event()
        signals.on_gap(back.set)
        signals._connection.terminate()
        await database.execute("UPDATE users SET is_admin = true WHERE id = $1", ada.id)
        assert (await store.authenticate(presented)).is_admin
        await asyncio.wait_for(back.wait(), DEADLINE)
        assert (await store.authenticate(presented)).is_admin


async def test_what_was_read_before_a_change_is_not_remembered_after_it(store, database, ada, presented, monkeypatch):
    async with hearing(database, store):
        for one in (store._callers, store.keys._recognised):
            monkeypatch.setattr(one, "_look", overtaken(one._look, lambda: store.users.update(ada.id, is_admin=True)))
        assert not (await store.authenticate(presented)).is_admin
        assert (await store.authenticate(presented)).is_admin


def overtaken(look, change):
    """A question whose answer is out of date when it comes."""

    async def slow(handle):
        found = await look(handle)
        await change()
        return found

    return slow


async def test_memory_is_bounded(store, database, monkeypatch):
    """Invariant 5."""
    monkeypatch.setattr(remembered, "MOST", 3)
    async with hearing(database, store):
        for number in range(8):
            user = await store.users.create(f"user {number}")
            await store.authenticate(await store.tokens.issue(user))
            await store.authenticate((await store.keys.issue(user.id, kind="ci")).secret.reveal())
            await store.authenticate((await store.keys.issue(user.id, kind="ci")).secret.reveal())
    for one in (store._callers, store.keys._recognised):
        assert len(one._known) == sum(map(len, one._handles.values())) == 3


async def test_what_is_used_stays(store, database, clock, monkeypatch, asked):
    """Of the oldest that go first, those looked up again lately are not."""
    monkeypatch.setattr(remembered, "MOST", 2)
    async with hearing(database, store):
        tokens = [await store.tokens.issue(await store.users.create(f"user {number}")) for number in range(3)]
        await store.authenticate(tokens[0])
        await store.authenticate(tokens[1])
        clock.advance(seconds=15)
        await store.authenticate(tokens[0])
        await store.authenticate(tokens[2])
        await store.authenticate(tokens[0])
    assert asked.times == 4


async def test_keys_are_not_kept_in_the_clear(store, database, key):
    """Invariant 8."""
    async with hearing(database, store):
        await store.authenticate(key.secret.reveal())
        assert key.secret.reveal() not in repr(store.keys._recognised._known)
