"""Failed sign-ins, counted by user name and by address, so that passwords can't be tried out."""

from __future__ import annotations

import ipaddress
import math
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from runyard.clock import Clock
from runyard.identity.errors import TooManyAttempts

WINDOW: Final = timedelta(minutes=5)
MOST: Final = 20_000
"""Names and addresses remembered; those that failed longest ago go first."""

NAME: Final = 200
"""Characters of a name that are looked at; no user has a longer one."""


class Throttle:
    """Refuses after ``limit`` failures within five minutes. Every process of the yard counts for itself.

    Args:
        limit: failures of one name or address.
        clock: tells the time, in UTC.
    """

    def __init__(self, limit: int, *, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._failures: dict[str, deque[datetime]] = {}  # in the order of the last failure

    def check(self, name: str, address: str | None = None) -> None:
        """Return if ``name`` may try to sign in from ``address``; without one only the name counts.

        Raises:
            TooManyAttempts: not now; it says for how long.
        """
        wait = max(self._wait(key) for key in _keys(name, address))
        if wait > timedelta():
            raise TooManyAttempts(math.ceil(wait.total_seconds()))

    def failed(self, name: str, address: str | None = None) -> None:
        """Count a failure."""
        now = self._clock()
        for key in _keys(name, address):
            times = self._failures.pop(key, None) or deque(maxlen=self._limit)
            times.append(now)
            self._failures[key] = times
        while self._failures:
            oldest = next(iter(self._failures))
            if len(self._failures) <= MOST and self._failures[oldest][-1] + WINDOW > now:
                break
            del self._failures[oldest]

    def succeeded(self, name: str) -> None:
        """Forget the failures of ``name``. Those of the address stay: it may have tried other names."""
        self._failures.pop(_of_name(name), None)

    def _wait(self, key: str) -> timedelta:
        times = self._failures.get(key)
        if times is None or len(times) < self._limit:
            return timedelta()
        return times[0] + WINDOW - self._clock()


def _keys(name: str, address: str | None) -> list[str]:
    return [_of_name(name)] if address is None else [_of_name(name), f"address {network_of(address)}"]


def _of_name(name: str) -> str:
    return f"name {name[:NAME]}"


def network_of(address: str) -> str:
    """What one subscriber of a network has: an IPv4 address, or 64 bits of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped or ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))
