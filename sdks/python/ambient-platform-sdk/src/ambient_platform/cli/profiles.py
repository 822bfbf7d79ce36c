"""`profiles`: named servers in `~/.ambient/config`."""

from __future__ import annotations

import sys
from dataclasses import replace

import typer

from ambient_platform._wire.profiles import ConfigFile
from ambient_platform._wire.typer_profiles import NameArgument, add_profile_commands

from .options import JsonOption, ProjectOption, UrlOption

profiles = typer.Typer(help="Named servers, kept in ~/.ambient/config.", no_args_is_help=True)


@profiles.command("list")
def list_profiles(*, as_json: JsonOption = False) -> None:
    """List them, the one in use marked."""
    from ambient_platform._wire.errors import without_userinfo
    from ambient_platform._wire.terminal import say, say_json, show_table

    from .settings import config_file

    config = config_file().read()
    rows = [
        {
            "name": profile.name,
            "in_use": profile.name == config.current,
            "url": without_userinfo(profile.server_url or ""),
            "project": profile.also.get("project", ""),
            "token": profile.api_key is not None,
        }
        for profile in sorted(config.profiles.values(), key=lambda profile: profile.name)
    ]
    if as_json:
        say_json(rows)
    elif rows:
        table = [
            (
                "*" if row["in_use"] else "",
                str(row["name"]),
                "yes" if row["token"] else "no",
                str(row["project"] or "-"),
                str(row["url"] or "default"),
            )
            for row in rows
        ]
        show_table(("", "NAME", "TOKEN", "PROJECT", "SERVER"), table)
    else:
        say("No profiles yet. Add one with: ambient profiles add NAME --url URL --project PROJECT")


@profiles.command("add")
def add_profile(*, name: NameArgument, url: UrlOption = None, project: ProjectOption = None) -> None:
    """Add a server under a name, or change it; the token is asked for, or read from stdin."""
    from ambient_platform._checks import checked_base_url, checked_project, checked_token
    from ambient_platform._wire.profiles import Profile
    from ambient_platform._wire.terminal import say

    from .settings import config_file

    file = config_file()
    known = file.read().profiles.get(name, Profile(name))
    address = checked_base_url(url) if url else known.server_url
    also = dict(known.also)
    if project:
        also["project"] = checked_project(project)
    token = _token()
    # A token goes to the server it was made for, never on to another.
    kept = known.api_key if address == known.server_url else None
    file.save(replace(known, server_url=address, api_key=checked_token(token) if token else kept, also=also))
    say(f"Profile {name} is saved. Use it from now on with: ambient profiles use {name}")


def _token() -> str:
    """The token that is typed, unseen, or piped in; nothing keeps the one there is."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Token (empty keeps what there is): ").strip()
    return sys.stdin.readline().strip()


def _config_file() -> ConfigFile:
    from .settings import config_file

    return config_file()


add_profile_commands(profiles, _config_file)
