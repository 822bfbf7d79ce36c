"""Files that an agent has made for the user: plain ones, within limits, never what a link points to."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runyard.services.sessions.analyst.names import shown
from runyard.services.sessions.plain_files import open_plain
from runyard.sizes import MIB

MOST: Final = 1000
LONGEST_NAME: Final = 300
DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class Output:
    """A file to keep, or, with ``problem``, one that isn't kept."""

    name: str
    size: int = 0
    digest: str = ""
    problem: str | None = None

    @property
    def content_type(self) -> str:
        """Guessed from the name."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def outputs(folder: Path, *, limit: int) -> list[Output]:
    """All files below a folder, by name. Blocks; call it when their writers have ended.

    Args:
        limit: bytes of all that are kept.
    """
    found: list[Output] = []
    room = limit
    for name in _names(folder):
        if len(found) >= MOST:
            found.append(Output(name, problem=f"a session may make {MOST} files"))
            break
        output = _look(folder, name, room)
        room -= output.size
        found.append(output)
    return found


def _look(folder: Path, name: str, room: int) -> Output:
    if not name.isprintable() or len(name) > LONGEST_NAME:
        return Output(shown(name), problem=f"a name has up to {LONGEST_NAME} printable characters")
    try:
        file = open_plain(folder, name)
    except OSError:
        return Output(name, problem="it is no plain file")
    with os.fdopen(file, "rb", buffering=0) as content:
        if os.fstat(file).st_size > room:
            return Output(name, problem="the limit on files (RUNYARD_SESSION_ARTIFACT_LIMIT) is reached")
        digest, size = hashlib.sha256(), 0
        while piece := content.read(MIB):
            digest.update(piece)
            size += len(piece)
        return Output(name, size, digest.hexdigest())


def _names(folder: Path) -> Iterator[str]:
    """Every file's path below the folder; of a link in the folder's own place, none."""
    for root, folders, names, place in os.fwalk(folder):
        below = Path(root).relative_to(folder)
        links = [one for one in folders if _is_link(one, place)]
        folders[:] = sorted(one for one in folders if one not in links) if len(below.parts) < DEPTH else []
        for name in sorted([*names, *links]):
            yield (below / name).as_posix()


def _is_link(name: str, place: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
