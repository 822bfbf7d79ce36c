"""Folders for what programs in the sandbox read and write: held while in use, gone afterwards, even after a crash."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)


@asynccontextmanager
async def scratch_folder(parent: Path, name: str) -> AsyncIterator[Path]:
    """An empty folder for as long as the context is open. It is removed at the end, whatever the end is."""
    lock = await unhurried(_take, parent, name)
    try:
        await unhurried(_make, parent / name)
        yield parent / name
    finally:
        await asyncio.shield(asyncio.create_task(asyncio.to_thread(_discard, parent, name, lock)))


def sweep(parent: Path) -> int:
    """Remove the folders of processes that died; return how many. Blocks.

    A folder is in use while somebody holds the lock beside it, and the kernel takes the locks of the dead.
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


def remove(path: Path) -> None:
    """Remove a folder, even one whose maker took away our right to. Blocks."""
    if not path.exists():
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for folder, names, _ in os.walk(path):
            for name in names:
                inner = Path(folder, name)
                if not inner.is_symlink() and stat.S_IMODE(inner.lstat().st_mode) & 0o700 != 0o700:
                    inner.chmod(0o700)
        shutil.rmtree(path)


def _take(parent: Path, name: str) -> int:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        lock = os.open(parent / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (parent / f"{name}.lock").exists():  # a sweep may have removed it before we held it
            return lock
        os.close(lock)


def _make(folder: Path) -> None:
    remove(folder)
    folder.mkdir()


def _discard(parent: Path, name: str, lock: int) -> None:
    try:
        remove(parent / name)
        (parent / f"{name}.lock").unlink(missing_ok=True)
    except OSError as error:
        log.warning("scratch_left", name=name, error=str(error))  # the next start of a worker tries again
    finally:
        os.close(lock)
