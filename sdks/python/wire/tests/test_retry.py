"""Which failures are retried, how often, and after how long; no clock runs here."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard_wire.retry import (
    Attempts,
    Failure,
    RetryPolicy,
    TokenBucket,
    backoff,
    is_retryable,
    parse_retry_after,
)

NOW = datetime(2025, 10, 13, 10, 30, tzinfo=timezone.utc)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def attempts(*, policy=None, bucket=None, clock=None):
    return Attempts(
        policy or RetryPolicy(),
        bucket or TokenBucket(),
        replayable=True,
        clock=clock or Clock(),
        random=lambda: 1.0,
    )


@pytest.mark.parametrize(
    ("failure", "when_replayable", "otherwise"),
    [
        (Failure("refused"), True, True),
        (Failure("connect_timeout"), True, True),
        (Failure("reset"), True, False),
        (Failure("read_timeout"), True, False),
        (Failure("unresolved"), False, False),
        (Failure("other"), False, False),
        *((Failure("status", status), True, True) for status in (408, 429, 503)),
        *((Failure("status", status), True, False) for status in (502, 504)),
        *((Failure("status", status), False, False) for status in (400, 401, 403, 404, 409, 412, 422, 500)),
        (Failure("status", 409, "request_in_flight"), True, True),
    ],
)
def test_the_verdicts(failure, when_replayable, otherwise):
    assert is_retryable(failure, replayable=True) is when_replayable
    assert is_retryable(failure, replayable=False) is otherwise


def test_delays_double_up_to_the_longest():
    call = attempts(policy=RetryPolicy(attempts=8))
    delays = [call.after(Failure("refused")) for _ in range(8)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, None]
    assert call.retries == 7


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_is_full(failures, chance):
    assert 0 <= backoff(failures, first=0.5, longest=8.0, random=lambda: chance) <= 8.0


def test_the_server_may_ask_for_a_delay_but_not_for_any():
    assert attempts().after(Failure("status", 503, retry_after=7)) == 7
    assert attempts().after(Failure("status", 429, retry_after=120)) == 120
    assert attempts().after(Failure("status", 429, retry_after=121)) is None


def test_no_retry_starts_after_the_deadline():
    clock = Clock()
    call = attempts(policy=RetryPolicy(deadline=10), clock=clock)
    clock.now += 9.6
    assert call.after(Failure("refused")) is None


def test_the_bucket_stops_a_storm_and_refills_with_success():
    bucket = TokenBucket(capacity=20)
    first = attempts(bucket=bucket)
    assert first.after(Failure("read_timeout")) is not None
    assert bucket.tokens == 10
    assert first.after(Failure("refused")) is not None
    assert bucket.tokens == 5
    first.succeeded()
    assert bucket.tokens == 10
    assert attempts(bucket=bucket).after(Failure("read_timeout")) is not None
    assert attempts(bucket=bucket).after(Failure("refused")) is None
    attempts(bucket=bucket).succeeded()
    assert bucket.tokens == 1


def test_the_bucket_never_overflows():
    bucket = TokenBucket(capacity=5)
    attempts(bucket=bucket).succeeded()
    assert bucket.tokens == 5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3),
        (" 0 ", 0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("Mon, 13 Oct 2025 10:31:00 GMT", 60),
        ("Mon, 13 Oct 2025 10:29:00 GMT", 0),
        ("Mon, 13 Oct 2025 10:31:00 -0000", 60),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds
