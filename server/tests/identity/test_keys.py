"""What a key looks like, and what its digest does not give away."""

import hashlib
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.identity.keys import ALPHABET, Secret, checksum_ok, digest, hint, new_key

SHAPES = {"ci": "ci_[A-Za-z0-9]{40}", "ry": "ry_[A-Za-z0-9]{40}", "openshift": "sha256~[A-Za-z0-9]{43}"}
KINDS = list(SHAPES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_has_prefix_length_and_alphabet(kind):
    assert re.fullmatch(SHAPES[kind], new_key(kind).reveal())


@pytest.mark.parametrize("kind", KINDS)
def test_any_key_has_letters_and_a_digit(kind):
    for _ in range(2000):
        key = new_key(kind).reveal()
        assert re.search("[A-Za-z]", key)
        assert re.search("[0-9]", key)


def test_keys_do_not_repeat():
    assert len({new_key("ci").reveal() for _ in range(1000)}) == 1000


def test_keys_use_the_whole_alphabet():
    assert set("".join(new_key("ci").reveal()[3:] for _ in range(1000))) == set(ALPHABET)


def test_any_two_keys_differ_in_most_places():
    keys = [new_key("ci").reveal() for _ in range(100)]
    for one, other in itertools.combinations(keys, 2):
        assert sum(a != b for a, b in zip(one, other, strict=True)) > 10


@pytest.mark.parametrize("text", ["ci_abc", "", "ünï¢ødé ☃", "new\nline\0nul"])
def test_a_digest_is_plain_sha256_of_the_utf8_text(text):
    assert digest(text) == hashlib.sha256(text.encode()).digest() == digest(text)
    assert re.fullmatch("[0-9a-f]{64}", digest(text).hex())


def test_digests_of_different_keys_differ():
    assert len({digest(new_key("ci").reveal()) for _ in range(100)}) == 100


def test_one_changed_character_changes_most_of_the_digest():
    key = new_key("ci").reveal()
    other = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert sum(a != b for a, b in zip(digest(key).hex(), digest(other).hex(), strict=True)) > 32


@given(place=st.integers(0, 42), character=st.sampled_from(ALPHABET + "_-. é"))
def test_one_wrong_character_anywhere_is_noticed_offline(place, character):
    key = new_key("ci").reveal()
    wrong = key[:place] + character + key[place + 1 :]
    assert checksum_ok(key)
    assert checksum_ok(wrong) == (wrong == key)


@given(st.text())
def test_other_text_is_no_key(text):
    assert not checksum_ok(text)


@pytest.mark.parametrize("broken", [lambda k: k + "\n", lambda k: " " + k, lambda k: "ry" + k[2:], lambda k: k[:-1]])
def test_near_misses_are_no_keys(broken):
    assert not checksum_ok(broken(new_key("ci").reveal()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_known_by_its_own_prefix_only(kind):
    key = new_key(kind).reveal()
    random = key[-40:] if kind != "openshift" else key[-43:]
    for other in {"ci_", "ry_", "sha256~"} - {key.removesuffix(random)}:
        assert not checksum_ok(other + random)


def test_the_hint_of_a_token_like_openshifts_shows_more_than_its_prefix():
    key = new_key("openshift").reveal()
    assert hint(key) == f"{key[:11]}…{key[-4:]}"


def test_a_secret_shows_only_its_hint():
    key = new_key("ci").reveal()
    secret = Secret(key)
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]!r}"):
        assert key[7:-4] not in shown
        assert f"{key[:7]}…{key[-4:]}" in shown
    assert secret.reveal() == key


def test_the_hint_of_something_else_shows_nothing():
    assert hint("hunter2") == "…"
