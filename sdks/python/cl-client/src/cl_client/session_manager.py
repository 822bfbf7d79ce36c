"""`SessionManager`: a user who has logged in, and the token that is kept fresh for all who share it."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NoReturn

import httpx

from ._wire.retry import RetryPolicy
from .auth import REFRESH_BELOW, AuthProvider, JWTAuthProvider, NoAuthProvider, token_expiry
from .auth_client import AuthClient
from .auth_models import TokenResponse, UserResponse
from .compute_client import ComputeClient
from .exceptions import AuthenticationError, ComputeClientError
from .server_config import ServerConfig
from .user_manager import UserManager


@dataclass(frozen=True, slots=True)
class _Credentials:
    username: str
    password: str = field(repr=False)


class SessionManager:
    """A login, and everything that hangs off it. Close it, or use it in an `async with` block.

    Clients that it made are closed with it. It keeps name and password in memory until `logout`, to log in again when a
    token has expired unseen.

    Args:
        base_url: address of the auth service; the one of `server_config` otherwise.
        server_config: where the services are; read from the environment otherwise.
        server_pref: the newer name of `server_config`.
        retry: how often and how long failed calls are repeated.
        transport: instead of the network; for proxies and tests.
    """

    def __init__(
        self,
        base_url: str | None = None,
        server_config: ServerConfig | None = None,
        *,
        server_pref: ServerConfig | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = server_config or server_pref or ServerConfig.from_env()
        self._auth_client = AuthClient(base_url, self._config, retry=retry, transport=transport)
        self._retry = retry
        self._transport = transport
        self._current_token: str | None = None
        self._current_user: UserResponse | None = None
        self._credentials: _Credentials | None = None
        self._renewing = asyncio.Lock()
        self._clients: weakref.WeakSet[ComputeClient] = weakref.WeakSet()

    def __repr__(self) -> str:
        who = self._current_user.username if self._current_user else "guest"
        return f"SessionManager({self._auth_client.base_url!r}, {who!r})"

    async def __aenter__(self) -> SessionManager:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def auth_client(self) -> AuthClient:
        """The auth service."""
        return self._auth_client

    @property
    def server_config(self) -> ServerConfig:
        """Where the services are."""
        return self._config

    @property
    def server_pref(self) -> ServerConfig:
        """The newer name of `server_config`."""
        return self._config

    async def close(self) -> None:
        """Close the connections, those of the clients made here too."""
        for client in list(self._clients):
            await client.close()
        await self._auth_client.close()

    async def login(self, username: str, password: str) -> TokenResponse:
        """Log in.

        Raises:
            AuthenticationError: name and password don't fit; the session is a guest's then.
        """
        await self.logout()
        token = await self._auth_client.login(username, password)
        self._current_user = await self._auth_client.get_current_user(token.access_token)
        self._current_token = token.access_token
        self._credentials = _Credentials(username, password)
        return token

    async def logout(self) -> None:
        """Forget token, user and password. The server isn't told: it keeps no sessions."""
        self._current_token = None
        self._current_user = None
        self._credentials = None

    def is_authenticated(self) -> bool:
        """Whether there is a token; it may have expired."""
        return self._current_token is not None

    async def get_current_user(self) -> UserResponse | None:
        """The user, as of the login; None for a guest."""
        if self._current_user is None and self._current_token is not None:
            self._current_user = await self._auth_client.get_current_user(await self.get_valid_token())
        return self._current_user

    def get_token(self) -> str:
        """The present token.

        Raises:
            ValueError: nobody has logged in.
        """
        if self._current_token is None:
            raise ValueError("Not authenticated: await login(username, password) first")
        return self._current_token

    async def get_valid_token(self) -> str:
        """A token with at least a minute left. However many ask at once, it is renewed once.

        Raises:
            ValueError: nobody has logged in.
            AuthenticationError: it has expired, and can't be renewed.
        """
        if _about_to_expire(self.get_token()):
            async with self._renewing:
                if _about_to_expire(token := self.get_token()):
                    await self._renew(token)
        return self.get_token()

    def create_compute_client(self, *, timeout: float | None = None) -> ComputeClient:
        """A client for this session: with its token, or a guest's when nobody has logged in.

        Args:
            timeout: seconds for each phase of a request; 30 by default.
        """
        provider: AuthProvider = NoAuthProvider()
        if self.is_authenticated():
            provider = JWTAuthProvider(
                get_cached_token=self.get_token,
                get_valid_token_async=self.get_valid_token,
                replace_token=self._replace,
            )
        client = ComputeClient(
            server_config=self._config,
            auth_provider=provider,
            timeout=timeout,
            retry=self._retry,
            transport=self._transport,
        )
        self._clients.add(client)
        return client

    def create_user_manager(self, *, prefix: str = "") -> UserManager:
        """User administration without exceptions; for admins. `prefix` begins the names of the users it makes."""
        return UserManager(self._auth_client, self.get_valid_token, prefix=prefix)

    def create_store_manager(self) -> NoReturn:
        """The place of the media store's client.

        Raises:
            RuntimeError: nobody has logged in.
            ComputeClientError: otherwise. The media store, on port 8001, comes with a later version.
        """
        if not self.is_authenticated():
            raise RuntimeError("The media store takes no guests: await login(username, password) first")
        raise ComputeClientError(
            f"This version has no client for the media store at {self._config.store_url}; it comes with a later one"
        )

    async def _replace(self, rejected: str | None) -> bool:
        """Another token for one that the server refused; whoever comes second gets the first one's."""
        async with self._renewing:
            token = self._current_token
            if token is None:
                return False
            if token == rejected:
                try:
                    await self._renew(token)
                except AuthenticationError:
                    return False  # the caller has the server's own 401 in hand
            return self._current_token != rejected

    async def _renew(self, token: str) -> None:
        try:
            answer = await self._auth_client.refresh_token(token)
        except AuthenticationError:
            if self._credentials is None:
                raise
            answer = await self._auth_client.login(self._credentials.username, self._credentials.password)
        except (httpx.TransportError, httpx.HTTPStatusError):
            if _expired(token):
                raise
            return  # it is good for a little longer, and so may the auth service be
        if self._current_token is not None:  # nobody has logged out meanwhile
            self._current_token = answer.access_token


def _about_to_expire(token: str) -> bool:
    expiry = token_expiry(token)
    return expiry is not None and expiry - datetime.now(timezone.utc) < REFRESH_BELOW


def _expired(token: str) -> bool:
    expiry = token_expiry(token)
    return expiry is not None and expiry <= datetime.now(timezone.utc)
