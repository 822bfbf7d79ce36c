"""Passwords can't be tried out: failures are counted by name and by address, in bounded memory."""

import asyncio

import pytest

from runyard.identity import InactiveUser, InvalidCredential, TooManyAttempts, throttle
from runyard.identity.store import IdentityStore
from runyard.identity.throttle import Throttle

LIMIT = 3


@pytest.fixture
def counting(clock):
    return Throttle(LIMIT, clock=clock)


def refused(counting, name, address):
    try:
        counting.check(name, address)
    except TooManyAttempts as error:
        return error.retry_after
    return None


def fail(counting, *attempts):
    for name, address in attempts:
        counting.check(name, address)
        counting.failed(name, address)


def test_after_the_limit_a_name_waits_wherever_it_comes_from(counting, clock):
    for n in range(LIMIT):
        fail(counting, ("ada", f"192.0.2.{n}"))
        clock.advance(seconds=10)
    assert refused(counting, "ada", "198.51.100.1") == 270
    assert refused(counting, "bob", "198.51.100.1") is None


def test_after_the_limit_an_address_waits_whatever_name_it_gives(counting):
    fail(counting, *((name, "192.0.2.1") for name in "abc"))
    assert refused(counting, "d", "192.0.2.1") == 300
    assert refused(counting, "d", "192.0.2.2") is None


def test_the_wait_is_over_when_the_oldest_failure_is_five_minutes_old(counting, clock):
    for _ in range(LIMIT):
        fail(counting, ("ada", "192.0.2.1"))
        clock.advance(minutes=1)
    clock.advance(minutes=1, seconds=59, milliseconds=999)
    assert refused(counting, "ada", "192.0.2.1") == 1
    clock.advance(milliseconds=1)
    assert refused(counting, "ada", "192.0.2.1") is None
    fail(counting, ("ada", "192.0.2.1"))
    assert refused(counting, "ada", "192.0.2.1") == 60


def test_success_clears_the_name_and_not_the_address(counting):
    fail(counting, ("ada", "192.0.2.1"), ("ada", "192.0.2.1"))
    counting.succeeded("ada")
    fail(counting, ("ada", "192.0.2.1"))
    assert refused(counting, "ada", "192.0.2.2") is None
    assert refused(counting, "bob", "192.0.2.1") == 300


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("a socket", "a socket", True),
    ],
)
def test_an_address_is_what_one_subscriber_has(counting, first, second, same):
    fail(counting, *((name, first) for name in "abc"))
    assert (refused(counting, "d", second) is not None) is same


def test_memory_is_bounded(counting, clock, monkeypatch):
    """Invariant 5: many names, many addresses, long names."""
    monkeypatch.setattr(throttle, "MOST", 10)
    for n in range(100):
        fail(counting, (f"{n}{'x' * 1000}" if n % 2 else f"user {n}", f"192.0.2.{n}"))
    assert len(counting._failures) == 10
    assert max(map(len, counting._failures)) < 300
    clock.advance(minutes=5)
    fail(counting, ("ada", "192.0.2.1"))
    assert len(counting._failures) == 2


@pytest.fixture
async def guarded(database, settings, clock, store):
    few = settings.model_copy(update={"login_attempts": LIMIT})
    await store.users.create("Ada", login="ada", password="right")
    return IdentityStore(database, few, clock=clock, passwords=store.users._passwords)


async def attempt(guarded, password="wrong", name="ada", address="192.0.2.1"):
    return await guarded.sign_in(name, password, address=address)


async def test_too_many_failures_refuse_even_the_right_password(guarded, clock):
    for _ in range(LIMIT):
        with pytest.raises(InvalidCredential):
            await attempt(guarded)
    with pytest.raises(TooManyAttempts) as error:
        await attempt(guarded, "right")
    assert error.value.retry_after == 300
    clock.advance(minutes=5)
    assert (await attempt(guarded, "right")).login == "ada"


async def test_unknown_and_inactive_users_count_as_well(guarded, store):
    bob = await store.users.create("Bob", login="bob", password="right")
    await store.users.deactivate(bob.id)
    for name, password, refusal in [
        ("nobody", "x", InvalidCredential),
        ("", "", InvalidCredential),
        ("bob", "right", InactiveUser),
    ]:
        with pytest.raises(refusal):
            await attempt(guarded, password, name)
    with pytest.raises(TooManyAttempts):
        await attempt(guarded, "right")


async def test_guesses_sent_at_once_are_counted_one_by_one(guarded):
    outcomes = await asyncio.gather(*(attempt(guarded) for _ in range(50)), return_exceptions=True)
    guesses = sum(isinstance(outcome, InvalidCredential) for outcome in outcomes)
    assert LIMIT <= guesses <= LIMIT + 1  # two are looked at side by side
    assert sum(isinstance(outcome, TooManyAttempts) for outcome in outcomes) == 50 - guesses


async def test_good_sign_ins_at_once_are_all_let_in(guarded):
    users = await asyncio.gather(*(attempt(guarded, "right") for _ in range(20)))
    assert {user.login for user in users} == {"ada"}
