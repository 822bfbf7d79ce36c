"""Secrets stay out of the log, however the output is cut."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from runyard.services.ci.masking import Masker
from runyard.services.ci.options import Options

few = st.text("ab*", max_size=12)


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=3), st.lists(few, max_size=8))
@example(["ab", "abab"], ["a", "b", "a", "b"])
@example(["aab"], ["a", "a", "a", "b"])
def test_pieces_are_masked_as_the_whole_is(secrets: list[str], pieces: list[str]) -> None:
    masker = Masker(secrets)
    masked = b"".join([*(masker.feed(piece.encode()) for piece in pieces), masker.finish()])
    assert masked == Masker(secrets).whole("".join(pieces).encode())


def test_a_line_that_holds_no_beginning_of_a_secret_is_not_held_back() -> None:
    masker = Masker(["hunter2"])
    assert masker.feed(b"all is well\n") == b"all is well\n"
    assert masker.feed(b"the key is hun") == b"the key is "
    assert masker.feed(b"ter2\n") == b"***\n"


def test_without_secrets_output_passes_as_it_is() -> None:
    output = b"anything"
    assert Masker([]).feed(output) is output


def test_a_variable_is_a_secret_by_its_name() -> None:
    options = Options(env={"API_TOKEN": "one-of-them", "db_password": "another", "MODE": "visible", "KEY": "abc"})
    assert set(options.secrets) == {"one-of-them", "another"}, "three characters would mask half the log"
    assert "one-of-them" not in repr(options)
    assert "visible" not in repr(options)
