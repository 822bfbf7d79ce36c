"""The token of every request, from a text or from a provider that is asked each time. It never shows itself."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeAlias

import httpx

from ._checks import checked_token

TokenProvider: TypeAlias = "Callable[[], str]"
"""Gives a token that is good now; asked before each request, and once more when the server refuses it."""

AsyncTokenProvider: TypeAlias = "Callable[[], str | Awaitable[str]]"
"""The same for `AsyncAmbientClient`. One that is no coroutine function runs in a thread."""

TokenSource: TypeAlias = "str | AsyncTokenProvider"


class Bearer(httpx.Auth):
    """Puts the token into requests; with a provider, a refused request is sent again with the next token.

    Raises:
        ValueError: the token can't be one.
    """

    def __init__(self, token: TokenSource | None) -> None:
        self.given = token if callable(token) else checked_token(token)
        self._last = ""

    def __repr__(self) -> str:
        return f"Bearer({'a provider' if callable(self.given) else '…'})"

    def masked(self, text: str) -> str:
        """The text without the token, should a server have put it there."""
        return text.replace(self._last, "…") if self._last else text

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the present token; after a 401 with another one, if there is."""
        self._sign(request, _asked(self.given))
        response = yield request
        if response.status_code == 401 and callable(self.given):
            refused = self._last
            self._sign(request, _asked(self.given))
            if self._last != refused:
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same for asyncio."""
        self._sign(request, await _asked_async(self.given))
        response = yield request
        if response.status_code == 401 and callable(self.given):
            refused = self._last
            self._sign(request, await _asked_async(self.given))
            if self._last != refused:
                yield request

    def _sign(self, request: httpx.Request, token: str) -> None:
        self._last = checked_token(token)
        request.headers["Authorization"] = f"Bearer {self._last}"


def _asked(given: TokenSource) -> str:
    if not callable(given):
        return given
    token = None if inspect.iscoroutinefunction(given) else given()
    if isinstance(token, str):
        return token
    raise TypeError("A token provider has to give a text; coroutine functions are for AsyncAmbientClient only")


async def _asked_async(given: TokenSource) -> str:
    if not callable(given):
        return given
    # Whatever a plain function does to get its token, it doesn't stop the event loop.
    token = given() if inspect.iscoroutinefunction(given) else await asyncio.to_thread(given)
    return token if isinstance(token, str) else await token
