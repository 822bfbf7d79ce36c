import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from runyard.identity import InvalidValue
from runyard.identity.passwords import AT_ONCE, LONGEST, Passwords


class Watched(PasswordHasher):
    """Counts what is verified and hashed, and where."""

    def __init__(self):
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.threads, self.verified = set(), []

    def hash(self, *args, **kwargs):
        self.threads.add(threading.current_thread())
        return super().hash(*args, **kwargs)

    def verify(self, stored, password):
        self.threads.add(threading.current_thread())
        self.verified.append(stored)
        return super().verify(stored, password)


async def test_a_password_verifies_against_its_hash_only():
    passwords = Passwords(Watched())
    stored = await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("wrong", stored)
    assert stored != await passwords.hash("correct horse")


async def test_no_stored_password_costs_one_verification_like_any_other():
    hasher = Watched()
    passwords = Passwords(hasher)
    stored = await passwords.hash("x")
    assert not await passwords.verify("anything", None)
    assert not await passwords.verify("anything", stored)
    assert len(hasher.verified) == 2
    assert hasher.check_needs_rehash(hasher.verified[0]) == hasher.check_needs_rehash(stored)


async def test_the_event_loop_never_hashes():
    hasher = Watched()
    passwords = Passwords(hasher)
    await asyncio.gather(*(passwords.hash("x") for _ in range(8)))
    await passwords.verify("x", None)
    assert threading.current_thread() not in hasher.threads
    assert len(hasher.threads) <= AT_ONCE


@pytest.mark.parametrize("password", ["", "x" * (LONGEST + 1)])
async def test_an_impossible_password_is_refused_without_being_shown(password):
    with pytest.raises(InvalidValue) as error:
        await Passwords(Watched()).hash(password)
    assert str(len(password)) in str(error.value)
    assert "xx" not in str(error.value)


async def test_other_parameters_make_a_hash_outdated():
    weak = await Passwords(Watched()).hash("x")
    assert Passwords().outdated(weak)
    assert not Passwords(Watched()).outdated(weak)
