"""What a tree of processes and a set of folders use at this moment. All of it blocks: call it in a thread."""

# ruff: noqa: PTH123, PTH208 -- runs five times a second: paths as text cost a third

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_BLOCK = 512
_ENTRY = 4096


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes below another one."""

    pids: tuple[int, ...]
    tasks: int
    """Processes and threads."""
    resident: int
    """Bytes in memory, pages that several processes share counted for each: an upper bound."""


def tree(root: int, *, enough: int | None = None) -> Tree:
    """Everything below process `root`, without it. Stops counting at more than `enough` tasks."""
    found: list[int] = []
    tasks = resident = 0
    to_visit = list(_children(root))
    while to_visit and (enough is None or tasks <= enough):
        pid = to_visit.pop()
        with suppress(OSError):  # it has ended since
            threads = os.listdir(f"/proc/{pid}/task")
            resident += _resident(pid)
            tasks += len(threads)
            found.append(pid)
            to_visit += _children(pid, threads)
    return Tree(tuple(found), tasks, resident)


def memory(pids: Iterable[int]) -> int:
    """Bytes that the processes use together, swap included, shared pages counted once."""
    return sum(_proportional(pid) for pid in pids)


def disk(folders: Iterable[Path], *, enough: int | None = None) -> int:
    """Bytes on disk below the folders, and at least 4 KiB for each entry, so that many empty files count too.

    Stops at more than `enough`, which bounds the walk. Files with several names count once.
    """
    used = 0
    seen: set[tuple[int, int]] = set()
    for entry in _entries(folders):
        with suppress(OSError):
            facts = entry.stat(follow_symlinks=False)
            if facts.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
            used += max(facts.st_blocks * _BLOCK, _ENTRY)
        if enough is not None and used > enough:
            break
    return used


def file_of_size(folders: Iterable[Path], size: int, *, since: float) -> Path | None:
    """A file below the folders with at least `size` bytes written after `since` (seconds since 1970)."""
    for entry in _entries(folders):
        with suppress(OSError):
            facts = entry.stat(follow_symlinks=False)
            if facts.st_size >= size and facts.st_mtime >= since and entry.is_file(follow_symlinks=False):
                return Path(entry.path)
    return None


def _entries(folders: Iterable[Path]) -> Iterator[os.DirEntry[str]]:
    to_visit = [str(folder) for folder in folders]
    while to_visit:
        with suppress(OSError), os.scandir(to_visit.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    to_visit.append(entry.path)


def _children(pid: int, threads: Iterable[str] | None = None) -> Iterator[int]:
    for thread in (str(pid),) if threads is None else threads:
        with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            yield from map(int, file.read().split())


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            lines = [line.split() for line in file]
        return sum(int(line[1]) * 1024 for line in lines if line[0] in (b"Pss:", b"SwapPss:"))
    except OSError:
        with suppress(OSError):
            return _resident(pid)
        return 0
