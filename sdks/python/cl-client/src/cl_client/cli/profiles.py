"""`profiles`: named servers in `~/.cl_client/config`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cl_client._wire.profiles import ConfigFile
from cl_client._wire.typer_profiles import NameArgument, add_profile_commands

from .options import AuthOption, ComputeOption, JsonOption

profiles = typer.Typer(help="Named servers, kept in ~/.cl_client/config.", invoke_without_command=True)


@profiles.callback()
def _profiles(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_profiles()


@profiles.command("list")
def list_profiles(*, as_json: JsonOption = False) -> None:
    """List them, the one in use marked."""
    from cl_client._wire.errors import without_userinfo
    from cl_client._wire.terminal import say, say_json, show_table

    from .settings import config_file

    config = config_file().read()
    rows = [
        {
            "name": profile.name,
            "in_use": profile.name == config.current,
            "compute_url": without_userinfo(profile.server_url or ""),
            "auth_url": without_userinfo(profile.also.get("auth_url", "")),
            "user": profile.also.get("user", ""),
            "signed_in": profile.api_key is not None,
        }
        for profile in sorted(config.profiles.values(), key=lambda profile: profile.name)
    ]
    if as_json:
        say_json(rows)
    elif rows:
        table = [
            [
                "*" if row["in_use"] else "",
                str(row["name"]),
                str(row["compute_url"] or "default"),
                str(row["user"] or "-") if row["signed_in"] else "signed out",
            ]
            for row in rows
        ]
        show_table(["", "Name", "Server", "User"], table)
    else:
        say("No profiles yet. `cl_client login` makes one, and so does: cl_client profiles add NAME --compute-url URL")


@profiles.command("add")
def add_profile(
    *,
    name: NameArgument,
    compute_url: ComputeOption = None,
    auth_url: AuthOption = None,
    mqtt_url: Annotated[str | None, typer.Option("--mqtt-url", metavar="URL", help="The broker.")] = None,
) -> None:
    """Add a server under a name, or change it; what is not given stays as it was."""
    from cl_client._wire.errors import UsageError
    from cl_client._wire.profiles import Profile
    from cl_client._wire.terminal import say

    from .settings import address, config_file

    if not (compute_url or auth_url or mqtt_url):
        raise UsageError("A profile needs a --compute-url, an --auth-url or an --mqtt-url")
    file = config_file()
    known = file.read().profiles.get(name, Profile(name))
    also = dict(known.also)
    if auth_url:
        also["auth_url"] = address(auth_url, "--auth-url").value
    if mqtt_url:
        also["mqtt_url"] = mqtt_url
    server_url = address(compute_url, "--compute-url").value if compute_url else known.server_url
    # A token goes to the servers it was made for, never on to others.
    moved = (server_url, also.get("auth_url")) != (known.server_url, known.also.get("auth_url"))
    file.save(replace(known, server_url=server_url, api_key=None if moved else known.api_key, also=also))
    say(f"Profile {name} is saved. Use it from now on with: cl_client profiles use {name}")


def _config_file() -> ConfigFile:
    from .settings import config_file

    return config_file()


add_profile_commands(profiles, _config_file)
