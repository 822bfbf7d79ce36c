"""Where files are: names as agents write them, resolved, and never out of the workspace."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from runyard.services.sessions.analyst.names import shown


class CannotDo(Exception):
    """A tool can't do what is asked. The text is for the agent."""


class Places:
    """The workspace at ``root``; relative paths start at ``folder``."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.folder = folder

    def find(self, path: str) -> Path:
        """What a path leads to, links followed; it need not exist.

        Raises:
            CannotDo: it leads out of the workspace.
        """
        try:
            found = Path(os.path.realpath(self.folder / path))
        except (OSError, ValueError) as error:
            raise CannotDo(f"{path!r} can't be a path: {_why(error)}") from error
        if not found.is_relative_to(self.root):
            raise CannotDo(f"{path!r} leads out of the workspace {str(self.root)!r}: there is nothing for you there")
        return found

    def for_writing(self, path: str) -> Path:
        """The same for a file to be changed.

        Raises:
            CannotDo: also for what belongs to git.
        """
        found = self.find(path)
        if ".git" in found.relative_to(self.root).parts:
            raise CannotDo(f"{path!r} belongs to git; change it by the commands of git")
        return found

    def name(self, path: Path) -> str:
        """A path to be shown: relative to the folder where that is shorter."""
        try:
            return shown(str(path.relative_to(self.folder)))
        except ValueError:
            return shown(str(path))


def open_file(path: Path, named: str) -> BinaryIO:
    """A plain file for reading.

    Raises:
        CannotDo: there is none.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise CannotDo(f"{named!r} can't be read: {_why(error)}") from error
    kind = os.fstat(number).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(number, "rb")
    os.close(number)
    raise CannotDo(f"{named!r} is {'a folder' if stat.S_ISDIR(kind) else 'no plain file'}")


def write_file(path: Path, named: str, content: bytes) -> None:
    """Replace the content of a plain file, or make it.

    Raises:
        CannotDo: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        number = os.open(path, flags, 0o666)
        with os.fdopen(number, "wb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise CannotDo(f"{named!r} is no plain file")
            file.truncate()
            file.write(content)
    except OSError as error:
        raise CannotDo(f"{named!r} can't be written: {_why(error)}") from error


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
