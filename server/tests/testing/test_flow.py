"""What a fault does to bytes and times, worked out without a socket or a clock."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.testing.faults import (
    TICK,
    WINDOW,
    Blackhole,
    Cut,
    Fault,
    Flow,
    HalfClose,
    Injection,
    Latency,
    Reset,
    Slice,
    Throttle,
)

FOREVER = 1e9


def flow_with(*faults: Fault) -> Flow:
    flow = Flow()
    for fault in faults:
        flow.meet(Injection(fault=fault, direction="down", times=None, withdraw=flow.forget))
    return flow


def deliver(flow: Flow, now: float = 0.0, until: float = FOREVER) -> list[tuple[float, bytes]]:
    """All that a receiver who is always ready gets, each piece with its time."""
    pieces = []
    while flow.ending(now) is None and not flow.closing(now):
        if piece := bytes(flow.sendable(now)):
            pieces.append((now, piece))
            flow.sent(len(piece), now)
        elif (later := flow.wake_at(now)) is not None and later <= until:
            now = later
        else:
            break
    return pieces


def joined(pieces: list[tuple[float, bytes]]) -> bytes:
    return b"".join(piece for _, piece in pieces)


def test_latency_holds_each_write_for_its_own_time() -> None:
    flow = flow_with(Latency(0.5))
    flow.feed(b"a", 10.0)
    flow.feed(b"b", 10.25)
    flow.feed(b"", 10.25)
    assert not flow.sendable(10.49)
    assert deliver(flow, 10.0) == [(10.5, b"a"), (10.75, b"b")]
    assert flow.closing(10.75)


def test_latencies_add_up() -> None:
    flow = flow_with(Latency(0.5), Latency(0.25))
    flow.feed(b"a", 0.0)
    assert deliver(flow) == [(0.75, b"a")]


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_jitter_is_bounded_repeatable_and_keeps_the_order(pauses: list[float]) -> None:
    runs = []
    for _ in range(2):
        flow, now, written = flow_with(Latency(0.3, jitter=0.2)), 0.0, []
        for number, pause in enumerate(pauses):
            now += pause
            written.append(now)
            flow.feed(bytes([number]), now)
        runs.append(deliver(flow))
    assert runs[0] == runs[1]
    assert joined(runs[0]) == bytes(range(len(pauses)))
    for (arrived, _), at in zip(runs[0], written, strict=True):
        # not before its own time; later only as long as an earlier one holds it up
        assert at + 0.1 <= arrived + 1e-9
        assert arrived <= at + 0.5 + 1e-9


@settings(deadline=None)  # the machine may be busy
@given(st.floats(1, 1e6), st.integers(1, 150))
def test_a_throttle_keeps_its_rate_over_any_stretch(rate: float, size: int) -> None:
    flow = flow_with(Throttle(rate))
    flow.feed(bytes(size), 100.0)
    pieces = deliver(flow, 100.0)
    assert len(joined(pieces)) == size
    burst = 2 * max(1.0, rate * TICK)
    for start in range(len(pieces)):
        since = 0
        for now, piece in pieces[start:]:
            since += len(piece)
            assert since <= (now - pieces[start][0]) * rate + burst + 1e-6
    elapsed = pieces[-1][0] - 100.0
    assert (size - burst) / rate - 1e-6 <= elapsed <= size / rate + 1e-6


def test_slices_are_written_one_by_one() -> None:
    flow = flow_with(Slice(2, pause=0.5))
    flow.feed(b"abcde", 0.0)
    assert deliver(flow) == [(0.0, b"ab"), (0.5, b"cd"), (1.0, b"e")]


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=10),
    st.lists(
        st.one_of(
            st.builds(Cut, st.integers(0, 200)),
            st.builds(Reset, st.integers(0, 200)),
            st.builds(HalfClose, st.integers(0, 200)),
            st.builds(Blackhole, st.integers(0, 200)),
            st.builds(Slice, st.integers(1, 9), pause=st.just(0.5)),
            st.builds(Throttle, st.integers(1, 1000)),
            st.builds(Latency, st.floats(0, 2)),
        ),
        max_size=5,
    ),
)
def test_any_faults_deliver_exactly_the_bytes_before_the_first_end(writes: list[bytes], faults: list[Fault]) -> None:
    flow = flow_with(*faults)
    for write in writes:
        flow.feed(write, 0.0)
    flow.feed(b"", 0.0)
    limit = min((f.after for f in faults if isinstance(f, Cut | Reset | HalfClose | Blackhole)), default=10_000)
    assert joined(deliver(flow)) == b"".join(writes)[:limit]


def test_a_fault_counts_from_where_it_met_the_connection() -> None:
    flow = flow_with()
    flow.feed(b"before", 0.0)
    assert joined(deliver(flow)) == b"before"
    cut = Cut(2)
    flow.meet(Injection(fault=cut, direction="down", times=None, withdraw=flow.forget))
    flow.feed(b"after", 0.0)
    assert joined(deliver(flow)) == b"af"
    assert flow.ending(0.0) == cut


def test_a_lazy_fault_waits_for_a_byte_that_is_due() -> None:
    flow = flow_with(Latency(1.0), Cut(1, lazy=True))
    flow.feed(b"a", 0.0)
    assert joined(deliver(flow)) == b"a"
    assert flow.ending(1.0) is None
    flow.feed(b"b", 5.0)
    assert flow.ending(5.9) is None
    assert not flow.sendable(6.0)
    assert flow.ending(6.0) == Cut(1, lazy=True)


def test_a_lazy_fault_lets_a_stream_end_by_itself() -> None:
    flow = flow_with(Cut(3, lazy=True))
    flow.feed(b"abc", 0.0)
    flow.feed(b"", 0.0)
    assert joined(deliver(flow)) == b"abc"
    assert flow.ending(0.0) is None
    assert flow.closing(0.0)


def test_what_is_held_back_is_bounded() -> None:
    flow = flow_with(Blackhole())
    while flow.room:
        flow.feed(bytes(min(flow.room, 65536)), 0.0)
    assert flow._held == WINDOW
