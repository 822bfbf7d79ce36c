"""`create`, `list`, `get`, `cancel`, `finish`, `delete` and `models`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import JsonOption, Server, SessionArgument, SessionsArgument, with_server

if TYPE_CHECKING:
    from ambient_platform import RepoHTTP, SessionResponse

_PANEL = "Sessions"
Status = Literal["pending", "running", "completed", "failed"]
LabelsOption = Annotated[
    list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="May be repeated.", show_default=False)
]


def add_session_commands(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command(rich_help_panel=_PANEL)(with_server(create))
    app.command("list", rich_help_panel=_PANEL)(with_server(list_sessions))
    for command in (get, cancel, finish, delete, models):
        app.command(rich_help_panel=_PANEL)(with_server(command))


def create(
    *,
    server: Server,
    task: Annotated[str, typer.Argument(help="What to do; - reads it from stdin.", show_default=False)],
    repo: Annotated[
        list[str] | None,
        typer.Option("--repo", "-r", metavar="URL[#BRANCH]", help="Where; may be repeated.", show_default=False),
    ] = None,
    credential: Annotated[
        str | None, typer.Option("--credential", help="The operator's name for access to them.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Which model.", show_default=False)] = None,
    name: Annotated[str | None, typer.Option("--name", help="A name for people.", show_default=False)] = None,
    label: LabelsOption = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds it may take.", show_default=False)] = None,
    max_turns: Annotated[int | None, typer.Option("--max-turns", show_default=False)] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", show_default=False)] = None,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="It waits for messages.")] = False,
    approve: Annotated[
        list[str] | None,
        typer.Option("--approve", metavar="TOOL", help="This tool waits for approval.", show_default=False),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Makes a second try safe.", show_default=False)
    ] = None,
    watching: Annotated[bool, typer.Option("--watch", "-w", help="Show it as it happens.")] = False,
    waiting: Annotated[bool, typer.Option("--wait", help="Wait for its end, and print the answer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a task to an agent; prints the session's id."""
    import sys

    from ambient_platform import CreateSessionRequest
    from ambient_platform._wire.terminal import note, say, say_json

    from .settings import connected
    from .talking import follow

    request = CreateSessionRequest(
        task=sys.stdin.read() if task == "-" else task,
        model=model,
        repos=[_repo(given, credential) for given in repo or ()],
        display_name=name,
        labels=labels_of(label),
        timeout=timeout,
        max_turns=max_turns,
        max_tokens=max_tokens,
        interactive=interactive,
        approve=approve,
    )
    with connected(server) as client:
        created = client.create_session(request, idempotency_key=key)
        if watching:
            note(f"Session {created.id}")
            raise typer.Exit(follow(client, created.id, as_json=as_json))
        if waiting:
            note(f"Session {created.id}")
            raise typer.Exit(_show(client.wait_for_completion(created.id), as_json=as_json, answer=True))
    if as_json:
        say_json(asdict(created))
    else:
        say(created.id)


def list_sessions(
    *,
    server: Server,
    status: Annotated[Status | None, typer.Option("--status", help="Only those.", show_default=False)] = None,
    label: LabelsOption = None,
    search: Annotated[str | None, typer.Option("--search", help="Only those with this.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 50,
    all_pages: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List sessions, newest first."""
    from ambient_platform._wire.terminal import note, say, say_json, show_table

    from .settings import connected
    from .terminal import shortened

    with connected(server) as client:
        page = client.list_sessions(limit=limit, status=status, labels=labels_of(label), search=search)
        found = list(page) if all_pages else page.items[:limit]
    if as_json:
        say_json([asdict(session) for session in found])
    elif found:
        rows = [
            (
                session.id,
                f"{session.status}, waits" if session.waiting else session.status,
                session.created_at or "",
                session.model or "",
                shortened((session.display_name or session.task).partition("\n")[0], 100),
            )
            for session in found
        ]
        show_table(("ID", "STATUS", "CREATED", "MODEL", "TASK"), rows)
        if len(found) < page.total:
            note(f"{page.total - len(found)} more; see them with: ambient list --all")
    else:
        say("No sessions.")


def get(
    *,
    server: Server,
    session: SessionArgument,
    waiting: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds to wait at most.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a session is, and its answer. With --wait the exit code is the session's."""
    from .settings import connected

    with connected(server) as client:
        found = client.wait_for_completion(session, timeout=timeout) if waiting else client.get_session(session)
    code = _show(found, as_json=as_json)
    if waiting:
        raise typer.Exit(code)


def cancel(*, server: Server, sessions: SessionsArgument) -> None:
    """End sessions."""
    from ambient_platform._wire.terminal import say

    from .settings import connected

    with connected(server) as client:
        for session in sessions:
            client.cancel(session)
            say(f"Session {session} is told to end.")


def finish(*, server: Server, session: SessionArgument) -> None:
    """End an interactive session that waits for a message: it is completed."""
    from ambient_platform._wire.terminal import say

    from .settings import connected

    with connected(server) as client:
        client.finish(session)
    say(f"Session {session} is finished.")


def delete(*, server: Server, sessions: SessionsArgument) -> None:
    """Forget sessions, and all that came of them. What runs is stopped first."""
    from ambient_platform._wire.terminal import say

    from .settings import connected

    with connected(server) as client:
        for session in sessions:
            client.delete(session)
            say(f"Session {session} is deleted.")


def models(*, server: Server, as_json: JsonOption = False) -> None:
    """List the models that sessions may ask for."""
    from ambient_platform._wire.terminal import say_json, show_table

    from .settings import connected

    with connected(server) as client:
        found = client.models()
    if as_json:
        say_json([asdict(model) for model in found])
    else:
        rows = [(model.name, model.agent, "yes" if model.default else "") for model in found]
        show_table(("MODEL", "AGENT", "DEFAULT"), rows)


def labels_of(given: list[str] | None) -> dict[str, str] | None:
    """Labels from `NAME=VALUE` texts.

    Raises:
        ValueError: one is none.
    """
    labels: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(f"{text!r} is no label; write it like team=web")
        labels[name] = value
    return labels or None


def _repo(given: str, credential: str | None) -> RepoHTTP:
    from ambient_platform import RepoHTTP

    url, _, branch = given.partition("#")
    return RepoHTTP(url=url, branch=branch or None, credential=credential)


def _show(session: SessionResponse, *, as_json: bool, answer: bool = False) -> int:
    """Print a session, or only its answer; gives the exit code that it means."""
    from ambient_platform._wire.program import FAILED, OK
    from ambient_platform._wire.terminal import note, printable, say, say_json, show_facts

    code = FAILED if session.status == "failed" else OK
    failed = f"{session.reason or 'error'}: {session.error}" if session.error else session.reason
    if as_json:
        say_json(asdict(session))
    elif answer and code == OK:
        say(printable(session.result or "", lines=True))
    elif answer:
        note(f"Session {session.id} failed: {failed}")
    else:
        show_facts(
            (
                ("Session", session.id),
                ("Status", f"{session.status}, waits for {session.waiting}" if session.waiting else session.status),
                ("Task", session.task),
                ("Name", session.display_name),
                ("Model", session.model),
                ("Agent", session.agent),
                ("Labels", " ".join(f"{name}={value}" for name, value in session.labels.items())),
                ("Created", session.created_at),
                ("Completed", session.completed_at),
                *(("Repository", f"{one.url} {one.branch or ''} {(one.commit or '')[:8]}") for one in session.repos),
                *(("Note", text) for text in session.notes),
                ("Error", failed),
            )
        )
        if session.result:
            say(f"\n{printable(session.result, lines=True)}")
    return code
