"""The token of the yard's own programs: made anew, kept from others, compared in constant time."""

import os
import stat

import pytest

from runyard.identity import InvalidValue
from runyard.identity.internal_token import InternalToken


def test_it_is_64_characters_for_its_owner_only(tmp_path):
    token = InternalToken.issue(tmp_path / "yard")
    file = tmp_path / "yard/keys/internal.token"
    presented = file.read_text()
    assert len(presented) == 64
    assert presented.isascii()
    assert presented.isalnum()
    assert token.check(presented)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert presented not in repr(token)


def test_each_start_makes_another_and_leaves_nothing_else(tmp_path):
    first = InternalToken.issue(tmp_path)
    before = (tmp_path / "keys/internal.token").read_text()
    second = InternalToken.issue(tmp_path)
    after = (tmp_path / "keys/internal.token").read_text()
    assert (first.check(after), second.check(before), second.check(after)) == (False, False, True)
    assert os.listdir(tmp_path / "keys") == ["internal.token"]


def test_a_loose_file_from_before_does_not_stay_so(tmp_path):
    InternalToken.issue(tmp_path)
    file = tmp_path / "keys/internal.token"
    file.chmod(0o644)
    InternalToken.issue(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_that_cannot_be_placed_leaves_nothing(tmp_path):
    (tmp_path / "keys/internal.token").mkdir(parents=True)
    with pytest.raises(OSError, match="internal.token"):
        InternalToken.issue(tmp_path)
    assert os.listdir(tmp_path / "keys") == ["internal.token"]


@pytest.mark.parametrize("presented", ["", "0" * 64, "x" * 100_000, "ü", "\ud800", "\0"])
def test_anything_else_is_refused(tmp_path, presented):
    assert not InternalToken.issue(tmp_path).check(presented)


@pytest.mark.parametrize("login", ["internal", " internal "])
async def test_nobody_else_has_its_name(store, login):
    with pytest.raises(InvalidValue, match="the yard's own name for itself"):
        await store.users.create("x", login=login)
