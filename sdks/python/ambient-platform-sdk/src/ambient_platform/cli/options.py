"""The options that commands share, and how a command gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from ambient_platform._wire.typer_program import with_options

_PANEL: Final = "Server"

ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Use a named profile.", rich_help_panel=_PANEL, show_default=False),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="The server; or set AMBIENT_API_URL.", rich_help_panel=_PANEL, show_default=False
    ),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="NAME",
        help="The project; or set AMBIENT_PROJECT.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SessionArgument = Annotated[str, typer.Argument(metavar="SESSION", help="The session's id.", show_default=False)]
SessionsArgument = Annotated[
    list[str], typer.Argument(metavar="SESSION", help="The sessions' ids.", show_default=False)
]
AfterOption = Annotated[
    str | None,
    typer.Option(
        "--after",
        metavar="SEQ",
        help="Begin behind this event, or with what comes from now on: last.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the command line says about where to connect."""

    profile: str | None = None
    url: str | None = None
    project: str | None = None


_OPTIONS: Final = {"profile": ProfileOption, "url": UrlOption, "project": ProjectOption}


def with_server(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the server; it receives them as ``server``."""
    return with_options(function, "server", _OPTIONS, Server)
