"""The `sessions` service: an agent clones a repository, finds out what is in it, and reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markdown import Markdown

from ambient_platform import (
    AmbientClient,
    CreateSessionRequest,
    DeltaEvent,
    RepoEvent,
    RepoHTTP,
    StatusEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from demos.row import Row
from runyard.testing.repositories import Commit, GitHost, make_repository, serve_repositories
from runyard.testing.running import RunningYard, TestUser

REPOSITORY = "examples.git"
TASK = "Analyze the repository structure and provide a summary"
AUTHORS = ("Ada", "Grace")
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHOWN = 60
"""Characters of what the agent says last that the progress has room for."""


@contextmanager
def git_host(examples: Path) -> Iterator[GitHost]:
    """A host of git repositories on this machine with one of the examples, in a folder that is removed again."""
    with TemporaryDirectory(prefix="runyard-demo-") as folder, serve_repositories(Path(folder)) as host:
        make_repository(host.folder / REPOSITORY, history(examples))
        yield host


def history(examples: Path) -> Iterator[Commit]:
    """How the examples came to be, as the work of two people: each, then its tests, and a line in the README."""
    readme, day = "# Examples\n\nProjects and programs that a yard works on.\n\n", 0
    for example in sorted(path for path in examples.iterdir() if path.is_dir()):
        readme += f"- [{example.name}]({example.name})\n"
        files = {str(path.relative_to(examples)): path.read_bytes() for path in _files(example)}
        tests = {path: content for path, content in files.items() if "/tests/" in path}
        code = {path: content for path, content in files.items() if path not in tests}
        for what, changed in (("Add", {"README.md": readme.encode(), **code}), ("Test", tests)):
            if changed:
                author, at = AUTHORS[day % len(AUTHORS)], BEGAN + timedelta(days=day)
                yield Commit(author=author, at=at, message=f"{what} {example.name}", files=changed)
                day += 1


def _files(folder: Path) -> Iterator[Path]:
    """Files that somebody has written."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "__")):
            yield from _files(path)
        elif path.is_file():
            yield path


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may have sessions in a project."""

    url: str
    project: str
    token: str = field(repr=False)

    def client(self) -> AmbientClient:
        """A client of theirs."""
        return AmbientClient(self.url, self.token, self.project)


def member(yard: RunningYard, user: TestUser) -> Member:
    """Make a project with the user in it."""
    project = "demo"
    yard.inside(lambda inside: inside.identity.projects.add(project, members={user.id: "member"}))
    return Member(yard.inferlets_url.replace("ws://", "http://"), project, user.api_key)


def rows(who: Member, host: GitHost) -> list[Row]:
    """A row for the session."""
    work = partial(analyse, who, f"{host.url}/{REPOSITORY}")
    return [Row(service="sessions", name=f"summary of {REPOSITORY}", good="completed", run=work)]


def analyse(who: Member, url: str, row: Row) -> None:
    """Have the repository analysed, and tell what the agent is at."""
    with who.client() as client:
        session = client.start_session(CreateSessionRequest(TASK, repos=[RepoHTTP(url)]))
        row.job, row.state, row.link = session.id, "queued", f"ambient get {session.id}"
        for event in session.events():
            match event:
                case RepoEvent():
                    row.state, row.note = event.state, event.commit or ""
                case ToolCallEvent():
                    row.state, row.note = "working", event.name
                case ToolResultEvent():
                    row.state, row.note = "writing", ""
                case DeltaEvent():
                    row.note = " ".join((row.note + event.content).split())[-SHOWN:]
                case StatusEvent(terminal=True):
                    row.state, row.note = event.status, event.error or ""
        ended = session.get()
        commit = ended.repos[0].commit or "no commit"
        row.result = f"{len(ended.result or '') / 1024:.0f} KiB of report on {commit[:10]}"


def summary(console: Console, who: Member, rows: list[Row]) -> None:
    """Print how the report begins."""
    row = rows[0]
    if row.as_expected:
        with who.client() as client:
            report = client.get_session(row.job).result or ""
        parts = report.split("\n## ")
        console.print(f"\n[bold]ambient get SESSION[/]  [dim]the first of {len(parts)} parts of the report[/]")
        console.print(Markdown(parts[0]))
