"""The pace of callers, with a clock that the test moves."""

from __future__ import annotations

import pytest

from runyard.web import pace
from runyard.web.pace import Pace, TooFast


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slow(clock):
    return Pace(rate=2, burst=4, now=clock)


def granted(pace, who=b"ada", *, most=100):
    """How many requests at once are."""
    for count in range(most):
        try:
            pace.keep(who)
        except TooFast:
            return count
    return most


def test_as_many_at_once_as_were_saved_up(slow):
    assert granted(slow) == 4


def test_then_as_many_as_the_rate_allows(slow, clock):
    granted(slow)
    for _ in range(20):
        clock.now += 0.5
        assert granted(slow) == 1


def test_a_pause_saves_up_no_more_than_a_burst(slow, clock):
    granted(slow)
    clock.now += 10_000
    assert granted(slow) == 4


def test_a_refused_request_does_not_count_and_says_when_to_come_again(slow, clock):
    granted(slow)
    for _ in range(50):
        with pytest.raises(TooFast) as refused:
            slow.keep(b"ada")
    assert refused.value.seconds == pytest.approx(0.5)
    clock.now += refused.value.seconds
    slow.keep(b"ada")


def test_callers_do_not_wait_for_each_other(slow):
    assert granted(slow, b"ada") == granted(slow, b"bob") == 4


def test_only_so_many_are_remembered(clock, monkeypatch):
    monkeypatch.setattr(pace, "MOST", 10)
    slow = Pace(rate=2, burst=4, now=clock)
    for number in range(1000):
        slow.keep(b"%d" % number)
    assert len(slow._due) <= 10
    clock.now += 100
    slow.keep(b"ada")
    assert granted(slow, b"999") == 4
