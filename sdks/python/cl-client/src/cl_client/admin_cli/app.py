"""The tree of `cl-admin`'s commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cl_client._version import VERSION
from cl_client._wire.program import FAILED, USAGE
from cl_client._wire.terminal import note
from cl_client._wire.typer_completion import add_completion
from cl_client._wire.typer_program import Verbose, Version, begin, new_program, run_typer
from cl_client.cli.failures import failure_of

from .caller import Caller
from .config import config
from .jobs import jobs
from .users import users

NAME = "cl-admin"

app = new_program(
    NAME,
    "Look after users, guest mode and storage of a server.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    *,
    auth_url: Annotated[
        str | None,
        typer.Option("--auth-url", metavar="URL", help="Auth service; or set AUTH_URL.", show_default=False),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option("--username", metavar="NAME", help="An admin; or set CL_USERNAME.", show_default=False),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            metavar="PASSWORD",
            help="`-` reads it from stdin; or set CL_PASSWORD; asked for if absent.",
            show_default=False,
        ),
    ] = None,
    compute_url: Annotated[
        str | None,
        typer.Option("--compute-url", metavar="URL", help="Compute service; or set COMPUTE_URL.", show_default=False),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="Use a profile of cl_client.", show_default=False),
    ] = None,
    verbose: Verbose = False,
    version: Version = False,
) -> None:
    begin(NAME, "cl_client", VERSION, verbose=verbose, only_version=version)
    ctx.obj = Caller(auth_url=auth_url, compute_url=compute_url, profile=profile, username=username, password=password)


app.add_typer(users, name="users")
app.add_typer(config, name="config")
app.add_typer(jobs, name="jobs")
add_completion(app, NAME)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_typer(app, NAME, argv, _tell)


def _tell(error: Exception) -> int | None:
    failure = failure_of(error)
    if failure is None:
        return None
    note(f"✗ {failure.message}")
    return USAGE if failure.code == USAGE else FAILED
