"""Packs a project into a temporary file, so that its digest can be offered to the server before its bytes."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from .archive import Progress, write_archive
from .errors import PackageError
from .selection import Selection, select_files

_BLOCK = 1024 * 1024


@dataclass(slots=True)
class Package:
    """A packed project. Close it to remove its temporary file.

    Attributes:
        file: the archive, readable and seekable.
        size: its length in bytes.
        digest: `sha256:` and the hexadecimal digest of its bytes.
        selection: what went into it.
    """

    file: BinaryIO
    size: int
    digest: str
    selection: Selection

    def close(self) -> None:
        """Remove the archive."""
        self.file.close()

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build_package(project: Path | str, *, on_progress: Progress | None = None) -> Package:
    """Pack a project the way `ci submit test` sends it.

    Args:
        project: its root folder.
        on_progress: called with bytes of files packed and in all.

    Raises:
        PackageError: there is nothing to send, or a file cannot be read.
    """
    selection = select_files(Path(project))
    if not selection.files:
        raise PackageError(f"There is nothing to send: {str(project)!r} has no files, or all are hidden or ignored")
    file = tempfile.TemporaryFile(prefix="ci-package-")  # noqa: SIM115 - the Package closes it
    try:
        write_archive(file, selection, on_progress=on_progress)
        return Package(file, file.tell(), _digest(file), selection)
    except BaseException:
        file.close()
        raise


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"
