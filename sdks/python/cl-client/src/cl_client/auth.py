"""Who a client is to the server: nobody, or the holder of a token."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Final

from ._json import json_object
from ._wire.errors import redact

REFRESH_BELOW: Final = timedelta(seconds=60)
"""A token with less left than this is renewed before it is used."""


class AuthProvider(ABC):
    """Gives the headers that every request carries. Subclass it for tokens from elsewhere."""

    @abstractmethod
    def get_headers(self) -> dict[str, str]:
        """Headers of the next request."""

    async def refresh_token_if_needed(self) -> None:  # noqa: B027 - most have nothing to renew
        """Called before each request: renew what is about to expire."""

    async def replace_token(self, rejected: str | None) -> bool:
        """Called when the server refused a token with 401.

        Returns:
            Whether there is another one to try.
        """
        del rejected
        return False


class NoAuthProvider(AuthProvider):
    """Nobody: a guest."""

    def __repr__(self) -> str:
        return "NoAuthProvider()"

    def get_headers(self) -> dict[str, str]:
        """No headers."""
        return {}


class JWTAuthProvider(AuthProvider):
    """The holder of a token.

    Args:
        token: one that stays what it is.
        get_cached_token: gives the present one, for instance `SessionManager.get_token`.
        get_valid_token_async: renews the present one when it is about to expire.
        replace_token: gets another one in place of one that was refused.

    Raises:
        ValueError: neither a token nor where to get one.
    """

    def __init__(
        self,
        token: str | None = None,
        get_cached_token: Callable[[], str] | None = None,
        *,
        get_valid_token_async: Callable[[], Awaitable[str]] | None = None,
        replace_token: Callable[[str | None], Awaitable[bool]] | None = None,
    ) -> None:
        if token is None and get_cached_token is None and get_valid_token_async is None:
            raise ValueError("Either token or session_manager's get_cached_token has to be given")
        self._token = token
        self._get_cached_token = get_cached_token
        self._get_valid_token = get_valid_token_async
        self._replace_token = replace_token

    def __repr__(self) -> str:
        return f"JWTAuthProvider(token={redact(self._token)!r})" if self._token else "JWTAuthProvider(session)"

    def get_token(self) -> str:
        """The present token.

        Raises:
            ValueError: there is none yet.
        """
        if self._get_cached_token is not None:
            return self._get_cached_token()
        if self._token is None:
            raise ValueError("No token yet: await refresh_token_if_needed() first")
        return self._token

    def get_headers(self) -> dict[str, str]:
        """The `Authorization` header."""
        return {"Authorization": f"Bearer {self.get_token()}"}

    async def refresh_token_if_needed(self) -> None:
        """Renew the token where this provider can."""
        if self._get_valid_token is not None:
            token = await self._get_valid_token()
            if self._get_cached_token is None:
                self._token = token

    async def replace_token(self, rejected: str | None) -> bool:
        """Get another token where this provider can."""
        return self._replace_token is not None and await self._replace_token(rejected)

    def should_refresh(self, token: str) -> bool:
        """Whether less than a minute is left; False for a token that doesn't say."""
        expiry = self._parse_token_expiry(token)
        return expiry is not None and expiry - datetime.now(timezone.utc) < REFRESH_BELOW

    def _parse_token_expiry(self, token: str) -> datetime | None:
        return token_expiry(token)


def get_default_auth() -> AuthProvider:
    """Who a client is unless told otherwise: a guest."""
    return NoAuthProvider()


def token_expiry(token: str) -> datetime | None:
    """When a token expires, by its own word; None if it doesn't say."""
    expiry = token_claims(token).get("exp")
    if isinstance(expiry, bool) or not isinstance(expiry, int | float):
        return None
    try:
        return datetime.fromtimestamp(expiry, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        return None


def token_claims(token: str) -> dict[str, object]:
    """What a token says, unverified; empty for what is no JWT. Verifying is the server's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return json_object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}


def bearer_of(headers: dict[str, str]) -> str | None:
    """The token in a provider's headers, or None."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None
