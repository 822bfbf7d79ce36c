"""Where a connection's token comes from, and how it gets into requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import httpx

from . import errors

LEEWAY = 30.0
"""Seconds before its end at which a token is replaced; of a short one, a tenth of its life."""


@runtime_checkable
class TokenSource(Protocol):
    """Gives tokens. ``rejected`` is one that the server has just refused: the next must be another, if there is one."""

    def token(self, rejected: str | None = None) -> str:
        """A token that is good now."""
        ...

    async def token_async(self, rejected: str | None = None) -> str:
        """The same, without blocking."""
        ...


class ClientCredentials:
    """Tokens of a service account. However many callers want one at a time, the server is asked once.

    Args:
        base_url: where the server is.
        client_id: of the service account.
        client_secret: of the service account; it is shown in no ``repr``.
        workspace_id: the workspace to get a token for, where the account could have several.
        scope: what the token is to be good for; all by default.
        http: how to connect, if not as httpx does by itself, e.g. ``{"verify": "ca.pem"}``.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        workspace_id: str | None = None,
        scope: str | None = None,
        http: dict[str, object] | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/auth/token"
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        if workspace_id is not None:
            self._form["workspace_id"] = workspace_id
        if scope is not None:
            self._form["scope"] = scope
        self._http = {"timeout": 30.0, **(http or {})}
        self._token = ""
        self._until = 0.0
        self._asking = threading.Lock()
        self._asking_in: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"ClientCredentials({self._url!r}, client_id={self._form['client_id']!r})"

    def token(self, rejected: str | None = None) -> str:
        """A token that is good now.

        Raises:
            errors.ApiError: the server gives none.
            httpx.TransportError: it can't be reached.
        """
        with self._asking:
            if self._stale(rejected):
                with httpx.Client(**self._http) as client:  # type: ignore[arg-type]
                    self._keep(client.post(self._url, data=self._form))
            return self._token

    async def token_async(self, rejected: str | None = None) -> str:
        """The same, without blocking."""
        async with self._asking_in.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if self._stale(rejected):
                async with httpx.AsyncClient(**self._http) as client:  # type: ignore[arg-type]
                    self._keep(await client.post(self._url, data=self._form))
            return self._token

    def _stale(self, rejected: str | None) -> bool:
        return self._token in {"", rejected} or time.monotonic() >= self._until

    def _keep(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise errors.of(response.status_code, errors.problem(response), response.headers)
        try:
            said = response.json()
            token, lifetime = str(said["access_token"]), float(said.get("expires_in", 300))
        except (ValueError, KeyError, TypeError):
            raise errors.UnexpectedStatus(response.status_code, b"(not shown: it may hold a token)") from None
        self._token = token
        self._until = time.monotonic() + lifetime - min(LEEWAY, lifetime / 10)


class Bearer(httpx.Auth):
    """Puts the token into requests; when the server refuses it and there is another, tries that once."""

    def __init__(self, token: str | Callable[[], str] | TokenSource, prefix: str, header: str) -> None:
        self._token = token
        self._prefix = prefix
        self._header = header

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Ask for a token, send, and perhaps again."""
        source = self._token
        token = source.token() if isinstance(source, TokenSource) else self._plain()
        response = yield self._with(request, token)
        if response.status_code == 401 and isinstance(source, TokenSource):
            other = source.token(rejected=token)
            if other != token:
                yield self._with(request, other)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Ask for a token, send, and perhaps again."""
        source = self._token
        token = await source.token_async() if isinstance(source, TokenSource) else self._plain()
        response = yield self._with(request, token)
        if response.status_code == 401 and isinstance(source, TokenSource):
            other = await source.token_async(rejected=token)
            if other != token:
                yield self._with(request, other)

    def _plain(self) -> str:
        assert not isinstance(self._token, TokenSource)
        return self._token if isinstance(self._token, str) else self._token()

    def _with(self, request: httpx.Request, token: str) -> httpx.Request:
        request.headers[self._header] = f"{self._prefix} {token}" if self._prefix else token
        return request
