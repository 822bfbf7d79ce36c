"""What a guest's calls hear of the end, at every moment it may be told."""

from __future__ import annotations

import threading

import pytest

from runyard.services.inferlets.frames import Answer, Call, Launch, Report, Stop
from runyard.services.inferlets.limits import Limits
from runyard.services.inferlets.runtime.guest import Guest, Told
from runyard.sizes import MIB

TOLD = Stop(1, polite=True)


class Computing:
    """Nobody interrupts this one."""

    def join(self, guest: Guest) -> None:
        """Nothing is noted."""

    def leave(self, guest: Guest) -> None:
        """Nothing is noted."""


class Yard:
    """Hears a guest's calls, and answers those of the name "answered" before they wait."""

    guest: Guest

    def hear(self, report: Report) -> None:
        if isinstance(report, Call) and report.name == "answered":
            self.guest.deliver(Answer(1, report.call, "farewell", None))


@pytest.fixture
def guest() -> Guest:
    yard = Yard()
    limits = Limits(memory=MIB, output_bytes=MIB)
    yard.guest = Guest(Launch(1, "one", "", "module", "", [], limits), yard.hear, Computing())
    return yard.guest


def test_the_first_long_call_after_the_word_is_told(guest: Guest) -> None:
    guest.stop(TOLD)
    with pytest.raises(Told):
        guest.call("generate", long=True)


def test_a_long_call_is_told_while_it_waits(guest: Guest) -> None:
    threading.Timer(0.01, guest.stop, [TOLD]).start()
    with pytest.raises(Told):
        guest.call("generate", long=True)


def test_what_is_asked_for_a_farewell_is_answered(guest: Guest) -> None:
    guest.stop(TOLD)
    with pytest.raises(Told):
        guest.call("generate", long=True)
    assert guest.call("answered", long=True) == "farewell"


def test_who_heard_it_elsewhere_is_answered(guest: Guest) -> None:
    guest.stop(TOLD)
    assert guest.wait(lambda: True if guest.hears_end() else None)
    assert guest.call("answered", long=True) == "farewell"


def test_short_calls_are_answered_without_a_word(guest: Guest) -> None:
    guest.stop(TOLD)
    assert guest.call("answered") == "farewell"
    with pytest.raises(Told):
        guest.call("generate", long=True)
