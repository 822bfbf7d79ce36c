"""Tokens of signed-in users: JWTs that name a user and end by themselves. What they prove is looked up, not read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from runyard.clock import Clock
from runyard.identity.errors import InvalidCredential
from runyard.identity.model import User
from runyard.identity.proven import Proven
from runyard.identity.signing import SigningKey

Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
"""Seconds since 1970, up to the last of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a good token proves. The rights in it are those of its beginning: here nobody reads them."""

    number: int
    expires_at: datetime


class Tokens:
    """Issues and verifies tokens with the pair of keys in ``folder``, which is made when it is first needed.

    Args:
        folder: where the keys are.
        clock: tells the time, in UTC.
        minutes: for which a token is good.
    """

    def __init__(self, folder: Path, *, clock: Clock, minutes: int) -> None:
        self._folder = folder
        self._clock = clock
        self._lifetime = timedelta(minutes=minutes)
        self._key: SigningKey | None = None
        self._loading = asyncio.Lock()
        self._verified: Proven[Claims] = Proven(clock=clock)

    async def key(self) -> SigningKey:
        """The pair of keys.

        Raises:
            SigningKeyUnusable: the files are broken; the text says which and what to do.
        """
        async with self._loading:
            if self._key is None:
                self._key = await asyncio.to_thread(SigningKey.of, self._folder)
            return self._key

    async def issue(self, user: User) -> str:
        """A new token for this user, with its full lifetime."""
        ends = int((self._clock() + self._lifetime).timestamp())
        payload = _Payload(str(user.number), list(user.permissions), user.is_admin, ends)
        return (await self.key()).sign(msgspec.json.encode(payload))

    async def verify(self, token: str) -> Claims:
        """What the token says.

        Raises:
            InvalidCredential: for the reason ``signature`` (not one of this yard's), ``payload`` (signed by this yard,
                but it doesn't say what a token has to) or ``expired``.
        """
        return await self._verified.claims(token, self._check)

    async def _check(self, token: str) -> Claims:
        return _claims((await self.key()).verify(token))


class _Payload(msgspec.Struct):
    id: str
    permissions: list[str]
    is_admin: bool
    exp: Moment


def _claims(payload: bytes) -> Claims:
    try:
        read = msgspec.json.decode(payload, type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidCredential("payload") from None
    if not (read.id.isascii() and read.id.isdigit() and len(read.id) <= 10):
        raise InvalidCredential("payload")
    return Claims(number=int(read.id), expires_at=datetime.fromtimestamp(read.exp, UTC))
