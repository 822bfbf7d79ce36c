"""Who administers, and where: from the command line, the environment, or a profile of `cl_client`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from cl_client import ComputeClient, UserManager
    from cl_client.cli.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """Servers, and as whom they are called."""

    settings: Settings

    def manage(self, work: Callable[[UserManager], Awaitable[T]]) -> T:
        """Do something with users."""
        from cl_client._wire.interrupt import run_interruptibly
        from cl_client.auth_client import AuthClient
        from cl_client.cli.connection import SignIn, server_config
        from cl_client.user_manager import UserManager

        async def managed() -> T:
            async with AuthClient(server_config=server_config(self.settings)) as auth:
                return await work(UserManager(auth, SignIn(self.settings, auth).token))

        return run_interruptibly(managed())

    def compute(self, work: Callable[[ComputeClient], Awaitable[T]]) -> T:
        """Do something with the compute service."""
        from cl_client._wire.interrupt import run_interruptibly
        from cl_client.cli.connection import connected

        async def called() -> T:
            async with connected(self.settings) as client:
                return await work(client)

        return run_interruptibly(called())

    def get(self, path: str) -> dict[str, object]:
        """What the compute service answers to a question that the library has no method for."""
        import httpx
        from pydantic import TypeAdapter

        from cl_client._wire.httpx_shell import Caller as Repeater
        from cl_client._wire.interrupt import run_interruptibly
        from cl_client.auth_client import AuthClient
        from cl_client.cli.connection import SignIn, server_config
        from cl_client.http_utils import TokenAuth, answer_of, body_of

        async def asked() -> dict[str, object]:
            config = server_config(self.settings)
            async with AuthClient(server_config=config) as auth:
                provider = await SignIn(self.settings, auth).provider()
                async with httpx.AsyncClient(base_url=config.compute_url, auth=TokenAuth(provider)) as session:
                    answer = await answer_of(Repeater(), lambda: session.get(path))
            return TypeAdapter(dict[str, object]).validate_python(body_of(answer))

        return run_interruptibly(asked())


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What the command line says before the command."""

    auth_url: str | None = None
    compute_url: str | None = None
    profile: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def anybody(self, *, compute_url: str | None = None) -> Access:
        """Access to what is open to all."""
        from cl_client.cli.settings import Identity

        return Access(replace(self._settings(compute_url), identity=Identity()))

    def admin(self, *, compute_url: str | None = None) -> Access:
        """Access as an admin: the one of the command line, of the environment, or of a profile, in this order.

        Raises:
            UsageError: nobody is named, or the password is missing, and nobody can be asked.
        """
        from cl_client._wire.errors import UsageError
        from cl_client.cli.settings import Identity
        from cl_client.cli.terminal import ask_line, ask_password

        settings = self._settings(compute_url)
        username = self.username or os.environ.get("CL_USERNAME")
        if username is None and self.password is None and settings.identity.token is not None:
            return Access(settings)
        username = username or ask_line("Name of an admin")
        if not username:
            raise UsageError("Who are you? Give --username, or set CL_USERNAME, or sign in with: cl_client login")
        password = ask_password(self.password or os.environ.get("CL_PASSWORD"), what=f"Password of {username}")
        identity = Identity(source="--username", username=username, password=password)
        return Access(replace(settings, identity=identity))

    def _settings(self, compute_url: str | None) -> Settings:
        from cl_client.cli.connection import settings_of
        from cl_client.cli.options import Server

        return settings_of(Server(self.profile, compute_url or self.compute_url, self.auth_url))


def caller_of(ctx: typer.Context) -> Caller:
    """What the program's own options say."""
    return ctx.find_object(Caller) or Caller()
