"""The options that commands share, and how a command gets them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Final

import typer

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
    int | None, typer.Option("--after", metavar="SEQ", help="Begin behind this event.", show_default=False)
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

    @functools.wraps(function)
    def run(**values: object) -> None:
        known = {field.name: values.pop(field.name) for field in fields(Server)}
        function(**values, server=Server(**known))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.name != "server"
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    setattr(run, "__signature__", inspect.Signature([*own, *added]))  # noqa: B010 - a function's type doesn't name it
    return run
