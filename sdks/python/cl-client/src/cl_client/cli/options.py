"""The options that commands share, and how a command gets them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from cl_client._wire.typer_program import parameter, parameters_of, set_parameters

PANEL = "Server"

ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Use a named profile.", rich_help_panel=PANEL, show_default=False),
]
ComputeOption = Annotated[
    str | None,
    typer.Option(
        "--compute-url",
        metavar="URL",
        help="Compute service; or set COMPUTE_URL.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
AuthOption = Annotated[
    str | None,
    typer.Option(
        "--auth-url", metavar="URL", help="Auth service; or set AUTH_URL.", rich_help_panel=PANEL, show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job.", show_default=False)]
JobsArgument = Annotated[list[str], typer.Argument(metavar="JOB_ID", help="The jobs.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Server:
    """What the command line says about where to connect. Options after the command win over those before it."""

    profile: str | None = None
    compute_url: str | None = None
    auth_url: str | None = None

    def or_else(self, outer: Server) -> Server:
        """These words, and the outer ones where there are none."""
        return Server(
            self.profile or outer.profile, self.compute_url or outer.compute_url, self.auth_url or outer.auth_url
        )


def with_server(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the server; it receives them as ``server``."""

    @functools.wraps(function)
    def run(
        ctx: typer.Context, *, profile: str | None, compute_url: str | None, auth_url: str | None, **values: object
    ) -> None:
        inner = Server(profile, compute_url, auth_url)
        function(**values, server=inner.or_else(ctx.find_object(Server) or Server()))

    ctx = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    added = [
        parameter("profile", ProfileOption, None),
        parameter("compute_url", ComputeOption, None),
        parameter("auth_url", AuthOption, None),
    ]
    set_parameters(run, [ctx, *parameters_of(function, without="server"), *added])
    return run
