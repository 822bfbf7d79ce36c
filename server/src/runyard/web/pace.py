"""How fast somebody may ask: so many requests a second, and as many at once as they have saved up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

MOST: Final = 10_000
"""Callers remembered. Those who have been quiet long enough are as good as forgotten, and go first."""


class TooFast(Exception):
    """The request comes too early. ``seconds`` is how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many requests; the next may come in {seconds:.1f} s.")
        self.seconds = seconds


class Pace:
    """The pace of each caller of this process.

    Args:
        rate: requests a second.
        burst: requests at once after a pause.
        now: monotonic seconds.
    """

    def __init__(self, *, rate: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate
        self._saved = burst * self._interval
        self._now = now
        self._due: dict[bytes, float] = {}
        """When each caller would have asked all they have asked, had they kept to the rate."""

    def keep(self, caller: bytes) -> None:
        """Count a request.

        Raises:
            TooFast: it isn't granted, and doesn't count.
        """
        now = self._now()
        due = max(self._due.get(caller, now), now) + self._interval
        if due - now > self._saved:
            raise TooFast(due - now - self._saved)
        self._due[caller] = due
        if len(self._due) > MOST:
            self._forget(now)

    def _forget(self, now: float) -> None:
        self._due = {caller: due for caller, due in self._due.items() if due > now}
        while len(self._due) > MOST:
            del self._due[next(iter(self._due))]
