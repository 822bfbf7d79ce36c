"""What a run leaves in its artifact folder: plain files, within limits, never what a link points to."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST: Final = 1000
"""Files of one run that are kept."""

LONGEST_NAME: Final = 500


@dataclass(frozen=True, slots=True)
class Find:
    """A file to keep, or, with ``problem``, one that isn't kept."""

    name: str
    path: Path
    size: int
    problem: str | None = None

    @property
    def content_type(self) -> str:
        """Guessed from the name."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def harvest(folder: Path, *, limit: int, taken: frozenset[str]) -> list[Find]:
    """All files of a run, by name. Blocks; call it when their writers have ended.

    Args:
        folder: where they are.
        limit: bytes of all that are kept.
        taken: names that are not to be had.
    """
    finds: list[Find] = []
    total = 0
    for name, path in _files(folder):
        details = path.lstat()
        problem = _problem(name, details, taken=taken, room=limit - total, count=len(finds))
        if problem is None:
            total += details.st_size
        finds.append(Find(name, path, details.st_size, problem))
        if len(finds) > MOST:
            break
    return finds


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        parent = Path(root)
        for name in sorted([*names, *(one for one in folders if (parent / one).is_symlink())]):
            path = parent / name
            yield path.relative_to(folder).as_posix(), path


def _problem(name: str, details: os.stat_result, *, taken: frozenset[str], room: int, count: int) -> str | None:
    if count >= MOST:
        return f"a run may leave {MOST} files"
    if not stat.S_ISREG(details.st_mode):
        return "it is not a plain file"
    if name.startswith(".") or name in taken:
        return "the name is the yard's own"
    if not name.isprintable() or len(name) > LONGEST_NAME:
        return f"a name has up to {LONGEST_NAME} printable characters"
    if details.st_size > room:
        return "the limit on artifacts (RUNYARD_CI_ARTIFACT_LIMIT) is reached"
    return None
