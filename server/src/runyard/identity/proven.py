"""Tokens whose signature was checked: remembered until they end, so that a signature is checked once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from runyard.clock import Clock
from runyard.identity.errors import InvalidCredential

MOST: Final = 10_000
"""Tokens of one sort that are remembered; the oldest go first."""


class Ending(Protocol):
    """What a token says, and until when."""

    @property
    def expires_at(self) -> datetime:
        """When it ends by itself."""


C = TypeVar("C", bound=Ending)


class Proven(Generic[C]):
    """What tokens say, by digest: whole tokens are not kept."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[bytes, C] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def claims(self, token: str, check: Callable[[str], Awaitable[C]]) -> C:
        """What ``token`` says; ``check`` is asked when it isn't known yet.

        Raises:
            InvalidCredential: it has expired, or ``check`` says so.
        """
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        claims = self._known.get(digest)
        if claims is None:
            claims = self._known[digest] = await check(token)
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]
        if claims.expires_at <= self._clock():
            self._known.pop(digest, None)
            raise InvalidCredential("expired")
        return claims
