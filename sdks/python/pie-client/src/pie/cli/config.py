"""`config`: the file that says which server is used, and as whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from .options import JsonOption

config = typer.Typer(help="The file that says which server is used, and as whom.", no_args_is_help=True)

_Place = Annotated[
    Path | None,
    typer.Option("--path", metavar="PATH", help="The file, rather than ~/.pie/cli_config.toml.", show_default=False),
]
_Auth = Annotated[bool | None, typer.Option("--enable-auth/--no-auth", help="Whether to sign.", show_default=False)]

_FIRST: Final[Mapping[str, str | int | bool]] = {"host": "127.0.0.1", "port": 8080, "enable_auth": True}


@config.command("show")
def show(*, path: _Place = None, as_json: JsonOption = False) -> None:
    """Print the file."""
    from pie._wire.terminal import say, say_json

    from .settings import read_toml, settings_path

    known = read_toml(settings_path(path))
    if as_json:
        say_json(known)
    else:
        say(_toml(known).rstrip())


@config.command("init")
def init(*, enable_auth: _Auth = None, path: _Place = None) -> None:
    """Write a file with the usual settings. One that is there is left alone."""
    from pie.errors import UsageError

    from .settings import settings_path

    place = settings_path(path)
    if place.exists():
        raise UsageError(f"{str(place)!r} is there already; change it with: pie config update")
    _write(place, {**_FIRST, **({} if enable_auth is None else {"enable_auth": enable_auth})})


@config.command("update")
def update(
    *,
    host: Annotated[str | None, typer.Option("--host", help="The server's host.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The server's port.", show_default=False)
    ] = None,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Who.", show_default=False)] = None,
    private_key_path: Annotated[
        Path | None, typer.Option("--private-key-path", "--key", help="The private key.", show_default=False)
    ] = None,
    enable_auth: _Auth = None,
    path: _Place = None,
) -> None:
    """Change some settings; the others stay."""
    from pie.errors import UsageError

    from .settings import read_toml, settings_path

    given: dict[str, str | int | bool | None] = {
        "host": host,
        "port": port,
        "username": username,
        "private_key_path": None if private_key_path is None else str(private_key_path),
        "enable_auth": enable_auth,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if not changed:
        raise UsageError("Say what to change; see: pie config update --help")
    place = settings_path(path)
    _write(place, {**(read_toml(place) if place.exists() else _FIRST), **changed})


def _write(place: Path, known: Mapping[str, object]) -> None:
    """Write the file as a whole, or not at all."""
    import os
    import tempfile

    from pie._wire.terminal import say

    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, delete=False) as file:
        file.write(_toml(known))
    os.replace(file.name, place)  # noqa: PTH105 - one word less
    say(str(place))


def _toml(known: Mapping[str, object]) -> str:
    """Plain settings as TOML, whose texts, numbers and truths are JSON's but for one character."""
    plain = ((name, value) for name, value in known.items() if isinstance(value, str | int | float))
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n".replace("\x7f", "\\u007f") for name, value in plain
    )
