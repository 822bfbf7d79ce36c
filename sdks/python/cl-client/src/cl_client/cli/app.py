"""The tree of `cl_client`'s commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cl_client._wire.typer_completion import add_completion
from cl_client._wire.typer_program import run_typer

from .account import add_account_commands
from .failures import EXIT_CODES, tell
from .jobs import add_job_commands
from .machines import add_machine_commands
from .media import add_media_commands
from .options import AuthOption, ComputeOption, ProfileOption, Server
from .profiles import profiles

NAME = "cl_client"

app = typer.Typer(
    name=NAME,
    help="Media jobs on a server: embeddings, faces, EXIF, hashes, streaming, conversion, thumbnails.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    *,
    profile: ProfileOption = None,
    compute_url: ComputeOption = None,
    auth_url: AuthOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell on stderr what the client does.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from cl_client._version import VERSION

        typer.echo(f"{NAME} {VERSION}")
        raise typer.Exit
    from .terminal import log_to_stderr

    log_to_stderr(verbose=verbose)
    ctx.obj = Server(profile, compute_url, auth_url)


add_media_commands(app)
add_job_commands(app)
add_machine_commands(app)
add_account_commands(app)
app.add_typer(profiles, name="profiles", rich_help_panel="Settings")
add_completion(app, NAME, panel="Settings")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_typer(app, NAME, argv, tell)
