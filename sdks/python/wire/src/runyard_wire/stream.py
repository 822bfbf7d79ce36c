"""When a broken event stream is resumed, from where, and when it is given up. Pure: a shell does the I/O.

    following -- event --> following -- terminal event --> ended
        |  ^
  disconnect |  reconnect after `disconnected()` seconds, with `cursor` as Last-Event-ID
        v  |
     waiting -- no progress for `patience` seconds --> StreamLost

An end of the body before the terminal event is a disconnect, whatever caused it; it is never an ending.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import StreamLost
from .retry import Failure, backoff, is_retryable

_STEADY = 10.0  # a connection that held this long was sound: its end begins a new count


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPolicy:
    """Times in seconds. `patience` is how long to go on without a single new event or sound connection."""

    patience: float = 300.0
    first_delay: float = 0.5
    longest_delay: float = 8.0


class Resume:
    """The state of following one stream over any number of connections."""

    def __init__(
        self,
        policy: StreamPolicy,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        cursor: str | None = None,
    ) -> None:
        self.cursor = cursor
        self.ended = False
        self._policy = policy
        self._clock = clock
        self._random = random
        self._hint: float | None = None
        self._failures = 0
        self._connected_at: float | None = None
        self._progress_at = clock()
        self._unnumbered = False

    def connected(self) -> None:
        """The server answered with a stream."""
        self._connected_at = self._clock()

    def moved(self, cursor: str | None) -> None:
        """The stream named a position without an event."""
        if cursor is not None:
            self.cursor = cursor

    def received(self, cursor: str | None, *, terminal: bool) -> None:
        """An event arrived; with it the whole budget for failures is back."""
        if cursor is None:
            self._unnumbered = True
        else:
            self.cursor = cursor
        self.ended = terminal
        self._failures = 0
        self._progress_at = self._clock()

    def hinted(self, seconds: float | None) -> None:
        """The server's `retry:` field: the longest wait before the next connection."""
        self._hint = seconds

    def disconnected(self, failure: Failure | None, reason: str) -> float:
        """The connection ended without the terminal event.

        Args:
            failure: what broke it; None when the body simply ended.
            reason: the same in words, for the error.

        Returns:
            Seconds to wait before reconnecting.

        Raises:
            StreamLost: it cannot be resumed, or has not moved for `patience` seconds.
        """
        now = self._clock()
        if self._unnumbered and self.cursor is None:
            raise StreamLost(
                f"The event stream broke ({reason}), and this server numbers no events, "
                "so it cannot be resumed without doubling lines. Start again from the beginning."
            )
        # A name that resolved before and does not now is a network that went away, not a typing error.
        lasting = failure is not None and failure.kind != "unresolved"
        if failure is not None and lasting and not is_retryable(failure, replayable=True):
            raise StreamLost(f"The event stream broke: {reason}")
        if self._connected_at is not None and now - self._connected_at >= _STEADY:
            self._failures = 0
            self._progress_at = now
        self._connected_at = None
        if now - self._progress_at >= self._policy.patience:
            raise StreamLost(
                f"The event stream has not moved for {self._policy.patience:.0f} s; the last failure was: {reason}"
            )
        if failure is not None and failure.retry_after is not None:
            delay = failure.retry_after
        else:
            first = self._policy.first_delay if self._hint is None else self._hint
            delay = backoff(
                self._failures,
                first=first,
                longest=max(first, self._policy.longest_delay),
                random=self._random,
            )
        self._failures += 1
        return min(delay, max(0.0, self._progress_at + self._policy.patience - now))
