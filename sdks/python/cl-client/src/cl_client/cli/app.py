"""The tree of `cl_client`'s commands."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from cl_client._version import VERSION
from cl_client._wire.typer_completion import add_completion
from cl_client._wire.typer_program import Verbose, Version, begin, new_program, run_typer

from .account import add_account_commands
from .failures import EXIT_CODES, tell
from .jobs import add_job_commands
from .machines import add_machine_commands
from .media import add_media_commands
from .options import AuthOption, ComputeOption, ProfileOption, Server
from .profiles import profiles

NAME = "cl_client"

ABOUT = "Media jobs on a server: embeddings, faces, EXIF, hashes, streaming, conversion, thumbnails."

app = new_program(NAME, ABOUT, epilog=EXIT_CODES)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    *,
    profile: ProfileOption = None,
    compute_url: ComputeOption = None,
    auth_url: AuthOption = None,
    verbose: Verbose = False,
    version: Version = False,
) -> None:
    begin(NAME, "cl_client", VERSION, verbose=verbose, only_version=version)
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
