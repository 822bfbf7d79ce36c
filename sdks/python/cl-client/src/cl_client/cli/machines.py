"""`workers`, `plugins` and `doctor`: what there is on the other side."""

from __future__ import annotations

import typer

from .options import JsonOption, Server, with_server


def add_machine_commands(app: typer.Typer) -> None:
    """Add them to the program."""
    for command in (workers, plugins, doctor):
        app.command(rich_help_panel="The server")(command)


@with_server
def workers(*, as_json: JsonOption = False, server: Server) -> None:
    """Say how many workers there are, and what they can do now."""
    from .offers import show_workers

    show_workers(server, as_json=as_json)


@with_server
def plugins(*, as_json: JsonOption = False, server: Server) -> None:
    """List the server's plugins, their parameters, and what is missing."""
    from .offers import show_plugins

    show_plugins(server, as_json=as_json)


@with_server
def doctor(*, as_json: JsonOption = False, server: Server) -> None:
    """Look at everything a job needs, and say what to do about what is missing."""
    from .doctor import examine_server

    raise typer.Exit(examine_server(server, as_json=as_json))
