"""The options that commands share, and how a command gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from pie._wire.typer_program import with_options

_PANEL: Final = "Server"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="The server; or set PIE_URL.", rich_help_panel=_PANEL, show_default=False
    ),
]
HostOption = Annotated[
    str | None, typer.Option("--host", help="The server's host.", rich_help_panel=_PANEL, show_default=False)
]
PortOption = Annotated[
    int | None, typer.Option("--port", help="The server's port.", rich_help_panel=_PANEL, show_default=False)
]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--username", "-u", metavar="NAME", help="Who; or set PIE_USERNAME.", rich_help_panel=_PANEL, show_default=False
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--private-key-path",
        "--key",
        metavar="PATH",
        help="The private key; or set PIE_PRIVATE_KEY. Otherwise one in ~/.ssh, or the ssh-agent's.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help="Settings, rather than ~/.pie/cli_config.toml.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PrefixArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The instance's id, or its beginning.", show_default=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the command line says about where to connect, and as whom."""

    url: str | None = None
    host: str | None = None
    port: int | None = None
    username: str | None = None
    key: Path | None = None
    config: Path | None = None


_OPTIONS: Final = {
    "url": UrlOption,
    "host": HostOption,
    "port": PortOption,
    "username": UserOption,
    "key": KeyOption,
    "config": ConfigOption,
}


def with_server(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the server; it receives them as ``server``."""
    return with_options(function, "server", _OPTIONS, Server)
