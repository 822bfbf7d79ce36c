"""`login`, `logout` and `whoami`: who one is, where, and why."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JsonOption, Server, with_server

if TYPE_CHECKING:
    from cl_client._wire.profiles import Profile
    from cl_client.auth_models import UserResponse

    from .settings import Settings


def add_account_commands(app: typer.Typer) -> None:
    """Add them to the program."""
    for command in (login, logout, whoami):
        app.command(rich_help_panel="Settings")(command)


@with_server
def login(
    *,
    username: Annotated[str | None, typer.Argument(help="Who; asked for if absent.", show_default=False)] = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--password", metavar="PASSWORD", help="`-` reads it from stdin; asked for if absent.", show_default=False
        ),
    ] = None,
    token: Annotated[
        bool, typer.Option("--token", help="Read a token or an API key from stdin instead of signing in.")
    ] = False,
    server: Server,
) -> None:
    """Sign in, and keep the token in a profile."""
    from cl_client._wire.errors import UsageError
    from cl_client._wire.interrupt import run_interruptibly
    from cl_client._wire.terminal import say

    from .settings import config_file
    from .terminal import ask_line, ask_password

    settings, profile = _target(server)
    if token:
        presented = sys.stdin.readline().strip()
        user = run_interruptibly(_owner_of(settings, presented))
    else:
        name = username or ask_line("User name")
        if not name:
            raise UsageError("Say who you are: cl_client login NAME")
        presented, user = run_interruptibly(_sign_in(settings, name, ask_password(password)))
    also = {**profile.also, "auth_url": settings.auth.value, "user": user.username}
    file = config_file()
    file.save(replace(profile, server_url=settings.compute.value, api_key=presented, also=also))
    if file.read().current is None:
        file.use(profile.name)
    say(f"Signed in as {user.username} at {settings.auth.value}. The token is kept in profile {profile.name}.")


@with_server
def logout(*, server: Server) -> None:
    """Forget the token of a profile."""
    import os

    from cl_client._wire.terminal import note, say

    from .settings import config_file

    _, profile = _target(server)
    if profile.api_key is None:
        say(f"Nobody is signed in with profile {profile.name}.")
    else:
        config_file().save(replace(profile, api_key=None))
        say(f"Signed out of {profile.server_url}; profile {profile.name} keeps its addresses.")
    for name in ("CL_TOKEN", "CL_PASSWORD"):
        if os.environ.get(name):
            note(f"{name} is set, and still counts.")


@with_server
def whoami(*, as_json: JsonOption = False, server: Server) -> None:
    """Say who you are to the server, and what you may do there."""
    from cl_client._wire.interrupt import run_interruptibly
    from cl_client._wire.terminal import say_json, show_facts

    from .connection import settings_of

    settings = settings_of(server)
    facts = run_interruptibly(_identity(settings))
    if as_json:
        say_json({label.lower(): value for label, value in facts})
    else:
        show_facts(facts)


def _target(server: Server) -> tuple[Settings, Profile]:
    """The settings to sign in with, and the profile that keeps the token.

    Raises:
        UsageError: the profile belongs to another server.
    """
    import os

    from cl_client._wire.errors import UsageError
    from cl_client._wire.profiles import Profile

    from .connection import settings_of
    from .settings import DEFAULT_PROFILE, config_file

    config = config_file().read()
    name = server.profile or os.environ.get("CL_PROFILE") or config.current or DEFAULT_PROFILE
    known = config.profiles.get(name)
    settings = settings_of(replace(server, profile=name if known else None))
    if known and known.server_url not in {None, settings.compute.value} and not server.profile:
        raise UsageError(
            f"Profile {name!r} is for {known.server_url}, not {settings.compute.value} ({settings.compute.source})."
            " Name another one: --profile NAME"
        )
    return settings, known or Profile(name)


async def _sign_in(settings: Settings, username: str, password: str) -> tuple[str, UserResponse]:
    from cl_client.auth_client import AuthClient

    async with AuthClient(settings.auth.value) as auth:
        token = (await auth.login(username, password)).access_token
        return token, await auth.get_current_user(token)


async def _owner_of(settings: Settings, token: str) -> UserResponse:
    from cl_client.auth_client import AuthClient

    async with AuthClient(settings.auth.value) as auth:
        return await auth.get_current_user(token)


async def _identity(settings: Settings) -> list[tuple[str, str]]:
    from cl_client.auth import token_expiry
    from cl_client.auth_client import AuthClient

    from .connection import SignIn

    places = [
        ("Compute", f"{settings.compute.value} ({settings.compute.source})"),
        ("Auth", f"{settings.auth.value} ({settings.auth.source})"),
    ]
    if settings.identity.is_guest:
        return [("User", "guest (nobody is signed in)"), *places]
    async with AuthClient(settings.auth.value) as auth:
        token = await SignIn(settings, auth).token()
        user = await auth.get_current_user(token)
    expiry = token_expiry(token)
    return [
        ("User", user.username),
        ("Admin", "yes" if user.is_admin else "no"),
        ("Permissions", ", ".join(user.permissions) or "none"),
        ("From", settings.identity.source),
        ("Valid until", expiry.astimezone().strftime("%Y-%m-%d %H:%M:%S") if expiry else "the key is taken back"),
        *places,
    ]
