"""Which failures deserve another attempt, and after how long. Pure: clock and chance are passed in.

Only failures named here are retried. One that leaves open whether the server acted (a reset, a read timeout,
502 and 504) is retried only for a request that may be sent twice: a read, or one with an idempotency key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Literal

FailureKind = Literal["refused", "reset", "connect_timeout", "read_timeout", "status", "unresolved", "other"]

_NEVER_REACHED = frozenset({"refused", "connect_timeout"})
_AMBIGUOUS = frozenset({"reset", "read_timeout"})
_TIMEOUTS = frozenset({"connect_timeout", "read_timeout"})
_NOT_ACTED_ON = frozenset({408, 429, 503})
_AMBIGUOUS_STATUSES = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one attempt. `retry_after` is in seconds, as the server asked."""

    kind: FailureKind
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long and how often to try. Times are in seconds."""

    attempts: int = 4
    first_delay: float = 0.5
    longest_delay: float = 8.0
    longest_retry_after: float = 120.0
    deadline: float = 300.0


class TokenBucket:
    """Shared by all calls of one client, so that many callers' retries don't hammer a server in trouble."""

    def __init__(self, *, capacity: int = 500, cost: int = 5, timeout_cost: int = 10) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._cost = cost
        self._timeout_cost = timeout_cost
        self.tokens = capacity

    def take(self, failure: Failure) -> int | None:
        """Pay for one retry; returns the price, or None when there is not enough left."""
        price = self._timeout_cost if failure.kind in _TIMEOUTS else self._cost
        with self._lock:
            if self.tokens < price:
                return None
            self.tokens -= price
            return price

    def refund(self, price: int) -> None:
        """Give back what a retry that succeeded has cost."""
        with self._lock:
            self.tokens = min(self._capacity, self.tokens + price)


class Attempts:
    """The attempts of one logical call.

    Args:
        policy: how long and how often.
        bucket: the client's shared budget.
        replayable: whether the request may reach the server twice.
        clock: monotonic seconds.
        random: a number in [0, 1), for full jitter.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        bucket: TokenBucket,
        *,
        replayable: bool,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._bucket = bucket
        self._replayable = replayable
        self._clock = clock
        self._random = random
        self._deadline = clock() + policy.deadline
        self._paid = 0
        self.retries = 0

    def after(self, failure: Failure) -> float | None:
        """Seconds to wait before the next attempt, or None to give up."""
        if self.retries + 1 >= self._policy.attempts:
            return None
        if not is_retryable(failure, replayable=self._replayable):
            return None
        if failure.retry_after is None:
            delay = backoff(
                self.retries,
                first=self._policy.first_delay,
                longest=self._policy.longest_delay,
                random=self._random,
            )
        elif failure.retry_after > self._policy.longest_retry_after:
            return None
        else:
            delay = failure.retry_after
        if self._clock() + delay > self._deadline:
            return None
        price = self._bucket.take(failure)
        if price is None:
            return None
        self._paid = price
        self.retries += 1
        return delay

    def succeeded(self) -> None:
        """The call was answered: what its last retry cost goes back to the bucket."""
        self._bucket.refund(self._paid or 1)
        self._paid = 0


def is_retryable(failure: Failure, *, replayable: bool) -> bool:
    """The verdict on one failure."""
    if failure.kind == "status":
        if failure.status == 409:
            return failure.code == "request_in_flight"
        return failure.status in _NOT_ACTED_ON or (replayable and failure.status in _AMBIGUOUS_STATUSES)
    return failure.kind in _NEVER_REACHED or (replayable and failure.kind in _AMBIGUOUS)


def backoff(failures: int, *, first: float, longest: float, random: Callable[[], float]) -> float:
    """Exponential back-off with full jitter: a random share of `first` x 2^failures, at most `longest`."""
    return random() * min(longest, first * 2.0 ** min(failures, 32))


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; None when it holds neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - now).total_seconds())
