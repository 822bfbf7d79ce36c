"""Packs the chosen files into a zip whose bytes depend on nothing but names, modes and contents.

Names are sorted, times fixed, compression quick; what is already compressed is stored. The archive goes to a
file, never whole into memory, and its digest can be offered to the server before its bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from .errors import PackageError
from .selection import ProjectFile, Selection, select_files

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can tell
_LEVEL = 1
_BLOCK = 1024 * 1024
_COMPRESSED = frozenset(
    """
    .7z .avif .br .bz2 .flac .gif .gz .heic .jar .jpeg .jpg .lz4 .m4a .mkv .mov .mp3 .mp4 .npz .ogg .parquet
    .png .tgz .webm .webp .whl .woff .woff2 .xlsx .xz .zip .zst
    """.split()  # noqa: SIM905 - one a line would fill the screen
)


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
        on_progress: called after each block, with bytes of files.

    Raises:
        PackageError: there is nothing to send, or a file cannot be read.
    """
    selection = select_files(Path(project))
    if not selection.files:
        raise PackageError(
            f"There is nothing to send: {str(project)!r} has no files, or all are hidden or ignored"
        )
    file = tempfile.TemporaryFile(prefix="ci-package-")  # noqa: SIM115 - the Package closes it
    try:
        write_archive(file, selection, on_progress=on_progress)
        return Package(file, file.tell(), _digest(file), selection)
    except BaseException:
        file.close()
        raise


def write_archive(target: IO[bytes], selection: Selection, *, on_progress: Progress | None = None) -> None:
    """Write the files as a zip; the target ends up positioned at the archive's end."""
    total = selection.size
    done = 0
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        for file in selection.files:
            for block in _write_file(archive, file):
                done += block
                if on_progress is not None:
                    on_progress(done, total)
    target.seek(0, 2)


def _write_file(archive: zipfile.ZipFile, file: ProjectFile) -> Iterator[int]:
    """Write one file; yields the size of each block."""
    blocks = _read(file)
    if file.size <= _BLOCK:
        content = b"".join(blocks)
        archive.writestr(_entry(file), content)
        yield len(content)
        return
    with archive.open(_entry(file), "w", force_zip64=file.size >= 1 << 31) as into:
        for block in blocks:
            into.write(block)
            yield len(block)


def _read(file: ProjectFile) -> Iterator[bytes]:
    try:
        with file.path.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block
    except OSError as error:
        raise PackageError(f"{file.name!r} cannot be read: {error.strerror or error}") from error


def _entry(file: ProjectFile) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file.name, date_time=_EPOCH)
    entry.create_system = 3  # Unix: the mode means the same wherever the package was made
    entry.external_attr = (0o100755 if file.mode & 0o111 else 0o100644) << 16
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix in _COMPRESSED:
        entry.compress_type = zipfile.ZIP_STORED
    else:
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - public only from Python 3.13
    return entry


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"
