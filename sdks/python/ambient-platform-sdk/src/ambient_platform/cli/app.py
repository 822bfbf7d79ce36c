"""The tree of `ambient`'s commands."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ambient_platform._version import VERSION
from ambient_platform._wire.typer_completion import add_completion
from ambient_platform._wire.typer_program import Verbose, Version, begin, new_program, run_typer

from .failures import EXIT_CODES, tell
from .options import JsonOption, Server, with_server
from .profiles import profiles
from .results import add_result_commands
from .sessions import add_session_commands
from .talking import add_talking_commands

NAME = "ambient"

app = new_program(NAME, "AI agent sessions on a server: give tasks, watch, talk, take the results.", epilog=EXIT_CODES)


@app.callback(invoke_without_command=True)
def _root(*, verbose: Verbose = False, version: Version = False) -> None:
    begin(NAME, "ambient_platform", VERSION, verbose=verbose, only_version=version)


def doctor(*, server: Server, as_json: JsonOption = False) -> None:
    """Look at everything a session needs, and say what to do about what is missing."""
    from .doctor import examine_server

    raise typer.Exit(examine_server(server, as_json=as_json))


add_session_commands(app)
add_talking_commands(app)
add_result_commands(app)
app.command(rich_help_panel="Settings")(with_server(doctor))
app.add_typer(profiles, name="profiles", rich_help_panel="Settings")
add_completion(app, NAME, panel="Settings")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_typer(app, NAME, argv, tell)
