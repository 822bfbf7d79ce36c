"""From settings to a client: the token is renewed in time, and the new one goes back to where the old one came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

import httpx

from cl_client import ComputeClient, ServerConfig
from cl_client._wire.interrupt import run_interruptibly
from cl_client._wire.terminal import note
from cl_client.auth import AuthProvider, JWTAuthProvider, NoAuthProvider, token_expiry
from cl_client.auth_client import AuthClient
from cl_client.exceptions import AuthenticationError, ComputeClientError

from .options import Server
from .settings import Settings, config_file, resolve

T = TypeVar("T")

RENEW_BELOW: Final = timedelta(minutes=20)
"""A token with less left is renewed, so that who works on stays signed in."""

_BROKER_PATIENCE: Final = 2.0  # seconds


class SignInEnded(AuthenticationError):
    """The saved token has expired, or the server doesn't take it any more."""


class SignIn:
    """Who a command calls as. Use it as the source of a provider's tokens."""

    def __init__(self, settings: Settings, auth: AuthClient) -> None:
        self._settings = settings
        self._auth = auth
        self._token = settings.identity.token
        self._renewing = asyncio.Lock()

    async def token(self) -> str:
        """A token that is good for a while.

        Raises:
            SignInEnded: the saved one has expired.
            AuthenticationError: name and password of the environment don't fit.
        """
        async with self._renewing:
            if self._token is None:
                self._token = await self._sign_in()
            left = _left(self._token)
            if left is not None and left < RENEW_BELOW:
                self._token = await self._renewed(self._token, left)
            return self._token

    async def provider(self) -> AuthProvider:
        """For a client; there is a good token from the start."""
        if self._settings.identity.is_guest:
            return NoAuthProvider()
        await self.token()
        return JWTAuthProvider(get_cached_token=lambda: self._token or "", get_valid_token_async=self.token)

    async def _sign_in(self) -> str:
        identity = self._settings.identity
        if identity.username is None or identity.password is None:
            raise SignInEnded("Nobody is signed in. Sign in with: cl_client login")
        return (await self._auth.login(identity.username, identity.password)).access_token

    async def _renewed(self, token: str, left: timedelta) -> str:
        identity = self._settings.identity
        if left <= timedelta(0):
            if identity.password is not None:
                return await self._sign_in()
            raise SignInEnded(
                f"The sign-in of {identity.source} has expired. Sign in again with: cl_client login"
                " (or go on as a guest: cl_client logout)"
            )
        try:
            renewed = (await self._auth.refresh_token(token)).access_token
        except (httpx.HTTPError, ComputeClientError):
            return token  # still good; the compute service has the last word
        await asyncio.to_thread(_keep, self._settings, renewed)
        return renewed


def settings_of(server: Server) -> Settings:
    """What the command works with; what is odd about the configuration is told on stderr."""
    settings = resolve(profile=server.profile, compute_url=server.compute_url, auth_url=server.auth_url)
    for warning in settings.warnings:
        note(f"Warning: {warning}")
    return settings


def server_config(settings: Settings) -> ServerConfig:
    """The addresses as the library takes them."""
    host, port = settings.broker_address
    return ServerConfig(
        auth_url=settings.auth.value, compute_url=settings.compute.value, mqtt_broker=host, mqtt_port=port
    )


@asynccontextmanager
async def connected(settings: Settings, *, events: bool = False) -> AsyncGenerator[ComputeClient]:
    """A client of the compute service.

    Args:
        settings: where, and as whom.
        events: whether jobs will be followed; the broker is left alone otherwise, and where none answers.
    """
    config = server_config(settings)
    if not events or not await _answers(config.mqtt_broker, config.mqtt_port):
        config.mqtt_broker = ""
    async with AsyncExitStack() as stack:
        provider: AuthProvider = NoAuthProvider()
        if not settings.identity.is_guest:
            auth = await stack.enter_async_context(AuthClient(server_config=config))
            provider = await SignIn(settings, auth).provider()
        yield await stack.enter_async_context(ComputeClient(server_config=config, auth_provider=provider))


def ask(server: Server, question: Callable[[ComputeClient], Awaitable[T]], *, events: bool = False) -> T:
    """Connect, ask, and give the answer; Ctrl-C gives up."""
    settings = settings_of(server)

    async def asked() -> T:
        async with connected(settings, events=events) as client:
            return await question(client)

    return run_interruptibly(asked())


async def _answers(host: str, port: int) -> bool:
    """Whether anybody listens there. A broker that doesn't is not worth waiting for: jobs are asked about instead."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _BROKER_PATIENCE)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def _left(token: str) -> timedelta | None:
    expiry = token_expiry(token)
    return None if expiry is None else expiry - datetime.now(timezone.utc)


def _keep(settings: Settings, token: str) -> None:
    """Put the new token where the old one was; a file that can't be written is no reason to stop."""
    profile = settings.identity.profile
    if profile is None:
        return
    file = config_file()
    known = file.read().profiles.get(profile.name)
    if known is not None:
        with suppress(OSError):
            file.save(replace(known, api_key=token))
