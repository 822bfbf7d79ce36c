"""The files below a folder, one after the other, without ever leaving it.

Every step goes through the descriptor of its folder and follows no link, so not even a tree that is changed meanwhile
leads elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from runyard.services.sessions.analyst.limits import Limits
from runyard.services.sessions.analyst.names import shown

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class Found:
    """A file, link or special file. It can be read until the next one is asked for."""

    path: str
    """From the root, with `/`, safe to print."""
    kind: Literal["file", "link", "special"]
    size: int
    executable: bool
    target: str
    """Where a link says it leads."""
    _folder: int
    _name: str

    def read(self, limit: int) -> bytes:
        """Its first bytes, at most `limit`.

        Raises:
            OSError: it can't be read, or is no file any more.
        """
        descriptor = os.open(self._name, _READ, dir_fd=self._folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{self.path!r} is no regular file any more")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(limit)
        finally:
            os.close(descriptor)


class Tracked:
    """What belongs to the repository, as git has it, by the names the file system has."""

    def __init__(self, paths: set[str]) -> None:
        self._paths = paths
        self._folders = {folder for path in paths for folder in _parents(path)}
        self._folders.add("")

    def file(self, path: str) -> bool:
        """Whether a file does."""
        return path in self._paths

    def folder(self, path: str) -> bool:
        """Whether anything below a folder does."""
        return path in self._folders


@dataclass(slots=True)
class Walk:
    """What a walk came across besides files."""

    root: Path
    limits: Limits
    tracked: Tracked | None = None
    late: Callable[[], bool] = lambda: False
    """Whether it is time to stop."""
    files: int = 0
    folders: int = 0
    untracked: int = 0
    """Files, and whole folders, that are there without belonging to the repository."""
    closed: int = 0
    """Folders that can't be opened."""
    deep: int = 0
    """Folders below the greatest depth."""
    cut: bool = False
    """The greatest number of files was reached."""
    out_of_time: bool = False

    def __iter__(self) -> Iterator[Found]:
        root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield from self._folder(root, "", 0)
        finally:
            os.close(root)

    def _folder(self, folder: int, below: str, depth: int) -> Iterator[Found]:
        entries, more = self._entries(folder)
        for entry in entries:
            if self.cut or self.out_of_time:
                return
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    yield from self._inside(folder, entry.name, path, depth)
            elif entry.name == ".git":  # a submodule's pointer to its repository
                continue
            elif self.tracked is not None and not self.tracked.file(path):
                self.untracked += 1
            else:
                yield from self._file(folder, entry, path)
        self.cut = self.cut or more

    def _entries(self, folder: int) -> tuple[list[os.DirEntry[str]], bool]:
        """A folder's entries by name, and whether there are more than can be looked at."""
        room = self.limits.files * 2
        with os.scandir(folder) as found:
            entries = list(islice(found, room + 1))
        return sorted(entries[:room], key=lambda entry: entry.name), len(entries) > room

    def _inside(self, folder: int, name: str, path: str, depth: int) -> Iterator[Found]:
        if self.tracked is not None and not self.tracked.folder(path):
            self.untracked += 1
            return
        if depth >= self.limits.depth:
            self.deep += 1
            return
        try:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            self.closed += 1
            return
        self.folders += 1
        try:
            yield from self._folder(inner, f"{path}/", depth + 1)
        finally:
            os.close(inner)

    def _file(self, folder: int, entry: os.DirEntry[str], path: str) -> Iterator[Found]:
        if self.files >= self.limits.files:
            self.cut = True
            return
        if self.late():
            self.out_of_time = True
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # gone meanwhile
        self.files += 1
        kind: Literal["file", "link", "special"] = "special"
        target = ""
        if stat.S_ISLNK(status.st_mode):
            kind = "link"
            with suppress(OSError):
                target = os.readlink(entry.name, dir_fd=folder)
        elif stat.S_ISREG(status.st_mode):
            kind = "file"
        yield Found(
            path=shown(path),
            kind=kind,
            size=status.st_size if kind == "file" else 0,
            executable=bool(status.st_mode & 0o111),
            target=target,
            _folder=folder,
            _name=entry.name,
        )


def leads_out(path: str, target: str) -> bool:
    """Whether a link at `path` names a place outside the repository, as far as its own text tells."""
    if target.startswith("/"):
        return True
    depth = path.count("/")
    for part in target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _parents(path: str) -> Iterator[str]:
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)
