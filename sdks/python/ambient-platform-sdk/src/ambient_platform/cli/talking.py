"""`watch`, `send`, `approve`, `interrupt` and `messages`: a session while it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AfterOption, JsonOption, Server, SessionArgument, with_server

if TYPE_CHECKING:
    from ambient_platform import AmbientClient
    from ambient_platform._follow import Position

_PANEL = "A running session"


def add_talking_commands(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    for command in (watch, send, approve, interrupt, messages):
        app.command(rich_help_panel=_PANEL)(with_server(command))


def watch(*, server: Server, session: SessionArgument, after: AfterOption = None, as_json: JsonOption = False) -> None:
    """Show a session as it happens, from its beginning to its end; the exit code is the session's."""
    from .settings import connected

    position = None if after is None else position_of(after)
    with connected(server) as client:
        raise typer.Exit(follow(client, session, after=position, as_json=as_json))


def send(
    *,
    server: Server,
    session: SessionArgument,
    text: Annotated[str, typer.Argument(help="What to say; - reads it from stdin.", show_default=False)],
    watching: Annotated[bool, typer.Option("--watch", "-w", help="Show what comes of it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell the agent something."""
    import sys

    from ambient_platform._wire.terminal import say, say_json

    from .settings import connected

    with connected(server) as client:
        seq = client.send_message(session, sys.stdin.read() if text == "-" else text)
        if watching:
            raise typer.Exit(follow(client, session, after=seq, as_json=as_json, turn=True))
    if as_json:
        say_json({"seq": seq})
    else:
        say(f"Sent. See what comes of it with: ambient watch {session} --after {seq}")


def approve(
    *,
    server: Server,
    session: SessionArgument,
    call: Annotated[str, typer.Argument(help="The call's id; `watch` tells it.", show_default=False)],
    refuse: Annotated[bool, typer.Option("--refuse", help="Don't let it happen.")] = False,
    comment: Annotated[str | None, typer.Option("--comment", help="Tell the agent why.", show_default=False)] = None,
) -> None:
    """Let a tool's call happen, or not."""
    from ambient_platform._wire.terminal import say

    from .settings import connected

    with connected(server) as client:
        client.approve(session, call, approved=not refuse, comment=comment)
    say(f"Call {call} is {'refused' if refuse else 'approved'}.")


def interrupt(*, server: Server, session: SessionArgument) -> None:
    """End the agent's turn, and keep the session."""
    from ambient_platform._wire.terminal import say

    from .settings import connected

    with connected(server) as client:
        client.interrupt(session)
    say(f"The turn of {session} is told to end.")


def messages(*, server: Server, session: SessionArgument, as_json: JsonOption = False) -> None:
    """Print the transcript."""
    from ambient_platform._wire.terminal import printable, say, say_json

    from .settings import connected

    with connected(server) as client:
        said = client.messages(session)
    if as_json:
        say_json([asdict(message) for message in said])
        return
    for message in said:
        say(f"{printable(message.role)}  {printable(message.at)}\n{printable(message.content, lines=True)}\n")


def position_of(text: str) -> Position:
    """Where to begin.

    Raises:
        ValueError: it is neither an event's number nor `last`.
    """
    if text == "last":
        return "last"
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"--after is {text!r}: give the number of an event, or last")
    return int(text)


def follow(
    client: AmbientClient, session_id: str, *, after: Position | None = None, as_json: bool = False, turn: bool = False
) -> int:
    """Show a session up to its end; gives the exit code.

    Args:
        client: of the server.
        session_id: which one.
        after: the event to begin behind.
        as_json: one line of JSON for each event.
        turn: leave when it waits for the next message.
    """
    from ambient_platform._wire.program import FAILED, INTERRUPTED, OK
    from ambient_platform._wire.terminal import note, say_json
    from ambient_platform.events import StatusEvent
    from ambient_platform.types import StatusCompleted

    from .screen import Screen

    screen = Screen(session_id)
    last: StatusEvent | None = None
    try:
        with client.stream_events(session_id, after=after) as events:
            for event in events:
                if as_json:
                    say_json(event.raw, line=True)
                else:
                    screen.show(event)
                if isinstance(event, StatusEvent):
                    last = event
                    if turn and event.waiting == "message":
                        return OK
    except KeyboardInterrupt:
        screen.close()
        note(f"Stopped watching. The session goes on: ambient watch {session_id}")
        return INTERRUPTED
    status = client.get_session(session_id).status if last is None else last.status
    return OK if status == StatusCompleted else FAILED
