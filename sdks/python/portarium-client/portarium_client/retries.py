"""Trying again what may be tried again: requests that change nothing, or that the server knows by their key."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})  # commands have a key from the beginning
_PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """How patiently to try again.

    Attributes:
        attempts: tries in all.
        first_wait: seconds before the second try; each further wait is twice as long, more or less.
        longest_wait: seconds that no wait exceeds. A server that asks for more is not tried again.
    """

    attempts: int = 4
    first_wait: float = 0.25
    longest_wait: float = 20.0

    def wait(self, attempt: int, request: httpx.Request, response: httpx.Response | None) -> float | None:
        """Seconds to wait after try number ``attempt``; None to leave it at that.

        Args:
            attempt: counts from 1.
            request: what was tried.
            response: the answer; None if the connection broke.
        """
        again = request.method in _SAFE or "idempotency-key" in request.headers
        if attempt >= self.attempts or not again or not isinstance(request.stream, httpx.ByteStream):
            return None
        wait = min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait) * random.uniform(0.5, 1.0)
        if response is None:
            return wait
        if response.status_code not in _PASSING:
            return None
        asked = response.headers.get("retry-after", "")
        if asked.isdecimal():
            return float(asked) if float(asked) <= self.longest_wait else None
        return wait


class RetryingClient(httpx.Client):
    """An ``httpx.Client`` that follows a policy."""

    def __init__(self, retries: Retries | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._retries = retries

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send, perhaps several times."""
        _name(request)
        if self._retries is None:
            return super().send(request, **options)
        attempt = 1
        while True:
            response: httpx.Response | None = None
            try:
                response = super().send(request, **options)
            except httpx.TransportError:
                wait = self._retries.wait(attempt, request, None)
                if wait is None:
                    raise
            else:
                wait = self._retries.wait(attempt, request, response)
                if wait is None:
                    return response
                response.close()
            time.sleep(wait)
            attempt += 1


class RetryingAsyncClient(httpx.AsyncClient):
    """An ``httpx.AsyncClient`` that follows a policy."""

    def __init__(self, retries: Retries | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._retries = retries

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send, perhaps several times."""
        _name(request)
        if self._retries is None:
            return await super().send(request, **options)
        attempt = 1
        while True:
            response: httpx.Response | None = None
            try:
                response = await super().send(request, **options)
            except httpx.TransportError:
                wait = self._retries.wait(attempt, request, None)
                if wait is None:
                    raise
            else:
                wait = self._retries.wait(attempt, request, response)
                if wait is None:
                    return response
                await response.aclose()
            await asyncio.sleep(wait)
            attempt += 1


def _name(request: httpx.Request) -> None:
    """Have a change known by a key: done already and sent again, it is answered as before, and not with 404 or 412."""
    if request.method in _CHANGES:
        request.headers.setdefault("Idempotency-Key", str(uuid4()))
