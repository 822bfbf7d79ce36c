"""The folders of one attempt at a run: made for it, held while it lasts, gone after it, even by a crash."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from runyard.services.ci.environments.folder import remove

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Folders below ``root``; all but ``package`` and ``plugin`` are written to by the project's code."""

    root: Path

    @property
    def package(self) -> Path:
        """The zip as it was submitted."""
        return self.root / "package.zip"

    @property
    def project(self) -> Path:
        """The unpacked project, the tests' current folder."""
        return self.root / "project"

    @property
    def installed(self) -> Path:
        """Where the project is installed to when it is a package itself."""
        return self.root / "installed"

    @property
    def plugin(self) -> Path:
        """Our pytest plugin."""
        return self.root / "plugin"

    @property
    def report(self) -> Path:
        """What pytest and the plugin tell us."""
        return self.root / "report"

    @property
    def artifacts(self) -> Path:
        """Files the tests want kept."""
        return self.root / "artifacts"


@asynccontextmanager
async def open_workspace(parent: Path, name: str) -> AsyncIterator[Workspace]:
    """A workspace for as long as the context is open. It is removed at the end, whatever the end is."""
    space = Workspace(parent / name)
    lock = await unhurried(_take, parent, name)
    try:
        await unhurried(_make, space)
        yield space
    finally:
        await asyncio.shield(asyncio.create_task(asyncio.to_thread(_discard, parent, name, lock)))


def sweep(parent: Path) -> int:
    """Remove the workspaces of processes that died; return how many. Blocks.

    A workspace is in use while somebody holds the lock beside it, and the kernel takes the locks of the dead.
    """
    count = 0
    for note in parent.glob("*.lock"):
        lock = os.open(note, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _discard(parent, note.stem, lock)
        count += 1
    return count


async def unhurried(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Do blocking work in a thread, to its end even when cancelled: a thread can only be waited for."""
    task = asyncio.create_task(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _take(parent: Path, name: str) -> int:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        lock = os.open(parent / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (parent / f"{name}.lock").exists():  # a sweep may have removed it before we held it
            return lock
        os.close(lock)


def _make(space: Workspace) -> None:
    remove(space.root)
    for folder in (space.root, space.plugin, space.report, space.artifacts):
        folder.mkdir()


def _discard(parent: Path, name: str, lock: int) -> None:
    try:
        remove(parent / name)
        (parent / f"{name}.lock").unlink(missing_ok=True)
    except OSError as error:
        log.warning("workspace_left", name=name, error=str(error))  # the next start of a worker tries again
    finally:
        os.close(lock)
