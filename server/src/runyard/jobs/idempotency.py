"""Keeping a second request with the same Idempotency-Key out while the first is still being read.

The unique key in the database decides in the end; this only answers 409 early. A process that dies lets go by itself,
because the lock is the database connection's.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runyard.database import Signals
from runyard.jobs.errors import RequestInFlight


class InFlight:
    """Requests that are being read right now, over all processes."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    @asynccontextmanager
    async def reading(self, scope: str, key: str | None) -> AsyncIterator[None]:
        """Hold ``key`` while a request is read; a no-op without one.

        Raises:
            RequestInFlight: somebody holds it already.
        """
        if key is None:
            yield
            return
        lock = int.from_bytes(hashlib.sha256(f"{scope}\0{key}".encode()).digest()[:8], "big", signed=True)
        if not await self._signals.try_lock(lock):
            raise RequestInFlight(key)
        try:
            yield
        finally:
            await self._signals.unlock(lock)
