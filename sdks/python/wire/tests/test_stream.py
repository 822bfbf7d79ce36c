"""When a broken stream is resumed, from where, and when it is given up; no clock runs here."""

import pytest

from runyard_wire.errors import StreamLost
from runyard_wire.retry import Failure
from runyard_wire.stream import Resume, StreamPolicy

RESET = Failure("reset")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def resume(clock, **options):
    return Resume(StreamPolicy(), clock=clock, random=lambda: 1.0, **options)


def test_the_cursor_is_the_last_event_seen(clock):
    state = resume(clock, cursor="3")
    state.received("4", terminal=False)
    assert state.cursor == "4"
    state.moved("9")
    state.moved(None)
    assert state.cursor == "9"
    assert not state.ended
    state.received("10", terminal=True)
    assert state.ended


def test_an_end_without_the_terminal_event_is_a_reconnect(clock):
    state = resume(clock)
    state.connected()
    assert state.disconnected(None, "ended") == 0.5


def test_delays_grow_until_an_event_comes(clock):
    state = resume(clock)
    assert [state.disconnected(RESET, "reset") for _ in range(6)] == [0.5, 1, 2, 4, 8, 8]
    state.received("1", terminal=False)
    assert state.disconnected(RESET, "reset") == 0.5


def test_delays_start_again_after_a_connection_that_held(clock):
    state = resume(clock)
    state.disconnected(RESET, "reset")
    state.connected()
    clock.now += 9
    assert state.disconnected(RESET, "reset") == 1
    state.connected()
    clock.now += 10
    assert state.disconnected(RESET, "reset") == 0.5


def test_the_servers_hint_is_the_first_delay(clock):
    state = resume(clock)
    state.hinted(3.0)
    assert state.disconnected(None, "going away") == 3.0
    state.hinted(20.0)
    assert state.disconnected(None, "going away") == 20.0


def test_retry_after_decides_when_it_is_given(clock):
    assert resume(clock).disconnected(Failure("status", 503, retry_after=4), "busy") == 4


def test_patience_ends(clock):
    state = resume(clock)
    clock.now += 299
    assert state.disconnected(RESET, "reset") == 0.5
    assert state.disconnected(Failure("status", 503, retry_after=60), "busy") == 1
    clock.now += 1
    with pytest.raises(StreamLost, match="has not moved for 300 s; the last failure was: reset"):
        state.disconnected(RESET, "reset")


def test_what_is_not_worth_a_retry_is_given_up_at_once(clock):
    with pytest.raises(StreamLost, match="odd"):
        resume(clock).disconnected(Failure("other"), "odd")


def test_a_name_that_resolves_no_more_is_waited_for(clock):
    assert resume(clock).disconnected(Failure("unresolved"), "no name") == 0.5


def test_a_stream_without_numbers_is_not_resumed_with_doubled_lines(clock):
    state = resume(clock)
    state.received(None, terminal=False)
    with pytest.raises(StreamLost, match="numbers no events"):
        state.disconnected(RESET, "reset")
