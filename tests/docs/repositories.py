"""The repositories of the pages on sessions, on a host of this machine: what they say is at other addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runyard.testing.repositories import Commit, GitHost, make_repository, serve_repositories

from .terminal import ROOT

PUBLIC = "pallets/click"
PRIVATE = "ada/orders.git"
TOKEN = "only-the-operator-knows"
PROJECTS = {PUBLIC: "textkit", PRIVATE: "flaky-orders"}
"""Which of the examples stands in for a repository."""

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIDY = {"NOTES.md": b"# Notes  \n\nBlanks at the ends of lines.\t\n"}


@contextmanager
def hosted_repositories(folder: Path) -> Iterator[GitHost]:
    """Both, one of them for who knows the token."""
    for path, project in PROJECTS.items():
        make_repository(folder / path, history(ROOT / "examples" / project))
    with serve_repositories(folder, tokens={PRIVATE: TOKEN}) as host:
        yield host


def history(project: Path) -> Iterator[Commit]:
    """One file after the other, and notes that could be tidier."""
    paths = [path for path in sorted(project.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = {str(path.relative_to(project)): path.read_bytes() for path in paths} | UNTIDY
    for day, (path, content) in enumerate(files.items()):
        yield Commit(author="Ada", at=BEGAN + timedelta(days=day), message=f"Add {path}", files={path: content})
