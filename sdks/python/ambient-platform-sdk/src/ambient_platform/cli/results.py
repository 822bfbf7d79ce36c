"""`patch`, `logs`, `artifacts` and `metrics`: what came of a session."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JsonOption, Server, SessionArgument, with_server

if TYPE_CHECKING:
    from ambient_platform import AmbientClient

_PANEL = "Results"


def add_result_commands(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    for command in (patch, logs, artifacts, metrics):
        app.command(rich_help_panel=_PANEL)(with_server(command))


def patch(
    *,
    server: Server,
    session: SessionArgument,
    repo: Annotated[str | None, typer.Option("--repo", help="Only this repository's.", show_default=False)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, rather than stdout.", show_default=False)
    ] = None,
) -> None:
    """Print what changed in the repositories: ambient patch SESSION | git apply."""
    import sys

    from ambient_platform._wire.terminal import note

    from .settings import connected

    with connected(server) as client:
        content = client.patch(session, repo=repo)
    if output is not None:
        output.write_bytes(content)
        note(f"{output} ({len(content)} bytes)")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def logs(
    *,
    server: Server,
    session: SessionArgument,
    tail: Annotated[int | None, typer.Option("--tail", min=0, help="Only the last lines.", show_default=False)] = None,
) -> None:
    """Print what tools and the agent have printed."""
    import sys

    from ambient_platform._wire.terminal import printable

    from .settings import connected

    with connected(server) as client:
        text = client.logs(session, tail=tail)
    # Colours are the terminal's business, where it is one; a file gets what was printed.
    sys.stdout.write(printable(text, lines=True) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def artifacts(
    *,
    server: Server,
    session: SessionArgument,
    download: Annotated[
        list[str] | None, typer.Option("--download", "-d", metavar="NAME", help="Fetch this one.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all.")] = False,
    into: Annotated[Path, typer.Option("--into", metavar="FOLDER", help="Where to.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """List the files that a session has made, or fetch them."""
    from ambient_platform._wire.terminal import say, say_json, show_size, show_table

    from .settings import connected

    with connected(server) as client:
        found = client.artifacts(session)
        if everything or download:
            _fetch(client, session, [artifact.name for artifact in found] if everything else download or [], into)
            return
    if as_json:
        say_json([asdict(artifact) for artifact in found])
    elif found:
        rows = [(show_size(artifact.size), artifact.content_type or "", artifact.name) for artifact in found]
        show_table(("SIZE", "TYPE", "NAME"), rows)
    else:
        say("No artifacts.")


def metrics(*, server: Server, session: SessionArgument) -> None:
    """Print times, turns, tokens and tool calls, as JSON."""
    from ambient_platform._wire.terminal import say_json

    from .settings import connected

    with connected(server) as client:
        say_json(client.metrics(session))


def below(folder: Path, name: str) -> Path:
    """The place of a server's file in a local folder.

    Raises:
        ValueError: the name leads out of it.
    """
    parts = PurePosixPath(name).parts
    if (
        not parts
        or PurePosixPath(name).is_absolute()
        or any(part == ".." or set(part) & set("\0\\:") for part in parts)
    ):
        raise ValueError(f"The server names a file {name!r}, which would lie outside {str(folder)!r}")
    return folder.joinpath(*parts)


def _fetch(client: AmbientClient, session_id: str, names: list[str], folder: Path) -> None:
    from ambient_platform._wire.terminal import note, show_size

    for name in names:
        place = below(folder, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        client.download_artifact(session_id, name, place)
        note(f"{place} ({show_size(place.stat().st_size)})")
