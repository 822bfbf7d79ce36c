"""Unpacks a project somebody sent. Nothing in the archive is believed, nothing is written outside the target.

Blocks: call it in a thread. All names are checked before the first byte is written; sizes, ratios and
checksums while the files are written, because headers lie. A refused archive leaves nothing behind.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK = 256 * 1024
_DIRECTORY_BYTES_PER_ENTRY = 512
_LOCAL = struct.Struct("<4s5H3L2H")
_DRIVE = re.compile(r"^[A-Za-z]:")
_FLAG_ENCRYPTED, _FLAG_STRONGLY_ENCRYPTED, _FLAG_MASKED = 0x1, 0x40, 0x2000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold; sizes in bytes, unpacked."""

    entries: int = 50_000
    file_size: int = 512 << 20
    total_size: int = 2 << 30
    ratio: int = 200
    """Unpacked to packed size of one file, above `ratio_from`: text reaches 20, a bomb 1000."""
    ratio_from: int = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What was written."""

    files: int
    size: int


class BadPackage(Exception):
    """The archive is refused. `entry` is None when the trouble is with the archive as a whole."""

    def __init__(self, entry: str | None, problem: str) -> None:
        super().__init__(f"The package {problem}." if entry is None else f"The package's entry {entry!r} {problem}.")
        self.entry = entry
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Entry:
    info: zipfile.ZipInfo
    path: str
    folder: bool
    mode: int


def unpack(source: BinaryIO | Path, target: Path, *, limits: ArchiveLimits) -> Unpacked:
    """Unpacks a zip archive to `target`, which must not exist or be an empty folder.

    Args:
        source: The archive; a file object must be seekable.
        target: Where the project's root shall be.
        limits: What is too much.

    Raises:
        BadPackage: The archive is refused; its text names the entry.
        OSError: This machine's trouble: disk full, `target` not empty.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return unpack(file, target, limits=limits)
    try:
        with zipfile.ZipFile(_Frugal(source, limits)) as archive:
            entries = _entries(archive.infolist(), limits)
            _check_overlap(archive, source)
            return _write_all(archive, entries, target, limits)
    except (zipfile.BadZipFile, UnicodeDecodeError, struct.error, NotImplementedError, EOFError) as error:
        raise BadPackage(None, f"is not a readable zip archive: {error}") from error


# --- Before a byte is written ---


class _Frugal(io.BufferedIOBase):
    """The archive for `zipfile`, which reads the directory in one piece as large as the archive says."""

    def __init__(self, source: BinaryIO, limits: ArchiveLimits) -> None:
        self._source = source
        self._limits = limits
        self._most = max(2 * _BLOCK, limits.entries * _DIRECTORY_BYTES_PER_ENTRY)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise BadPackage(None, f"has too long a directory; the limit is {self._limits.entries} entries")
        return self._source.read(self._most if size is None or size < 0 else size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _entries(infos: list[zipfile.ZipInfo], limits: ArchiveLimits) -> list[_Entry]:
    if len(infos) > limits.entries:
        raise BadPackage(None, f"has {len(infos)} entries; the limit is {limits.entries}")
    entries = [_entry(info, limits) for info in infos]
    if all(entry.folder for entry in entries):
        raise BadPackage(None, "has no files")
    _check_clashes(entries)
    total = sum(entry.info.file_size for entry in entries)
    if total > limits.total_size:
        raise BadPackage(None, f"is {total} bytes unpacked; the limit is {limits.total_size}")
    return entries


def _entry(info: zipfile.ZipInfo, limits: ArchiveLimits) -> _Entry:
    name = info.orig_filename  # `filename` ends at a NUL
    folder = name.endswith("/")
    problem = _name_problem(name) or _kind_problem(info, folder=folder)
    if problem is None and info.file_size > limits.file_size:
        problem = f"is {info.file_size} bytes unpacked; the limit for one file is {limits.file_size}"
    if problem is not None:
        raise BadPackage(name, problem)
    executable = not folder and (info.external_attr >> 16) & 0o111
    return _Entry(info, name.rstrip("/"), folder, 0o755 if executable else 0o644)


def _name_problem(name: str) -> str | None:
    checks = {
        "has an empty name": not name.strip("/"),
        "is an absolute path": name.startswith("/"),
        "has a backslash in its name": "\\" in name,
        "begins with a drive letter": _DRIVE.match(name) is not None,
        "has a control character in its name": any(unicodedata.category(char) in ("Cc", "Cs") for char in name),
        "leads out of the package with '..'": ".." in name.split("/"),
        "has an empty or '.' part in its name": not {"", "."}.isdisjoint(name.removesuffix("/").split("/")),
        "has a name that is too long": len(name.encode(errors="replace")) > 1024
        or any(len(part.encode(errors="replace")) > 255 for part in name.split("/")),
    }
    return next((problem for problem, found in checks.items() if found), None)


def _kind_problem(info: zipfile.ZipInfo, *, folder: bool) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    flags = info.flag_bits
    checks = {
        "is a symbolic link": kind == stat.S_IFLNK,
        "is a special file (device, pipe or socket)": kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK),
        "is a file by its name and a folder by its attributes": kind == stat.S_IFDIR and not folder,
        "is a folder by its name and a file by its attributes": kind == stat.S_IFREG and folder,
        "is a folder with content": folder and (info.file_size > 0 or info.compress_size > 2),
        "is encrypted": bool(flags & (_FLAG_ENCRYPTED | _FLAG_STRONGLY_ENCRYPTED | _FLAG_MASKED)),
        f"is compressed by method {info.compress_type}; use stored (0) or deflated (8)": info.compress_type
        not in _METHODS,
    }
    return next((problem for problem, found in checks.items() if found), None)


def _check_clashes(entries: Iterable[_Entry]) -> None:
    """Refuses names that are the same, would be on some file system, or stand for a file and a folder."""
    spelled: dict[str, str] = {}
    files: set[str] = set()
    folders: set[str] = set()
    listed: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            other = spelled.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if other != path:
                raise BadPackage(entry.info.orig_filename, f"differs only in case or spelling from {other!r}")
            is_file = depth == len(parts) and not entry.folder
            if path in (folders if is_file else files):
                raise BadPackage(entry.info.orig_filename, f"needs {path!r} to be both a file and a folder")
            if depth == len(parts) and path in listed:
                raise BadPackage(entry.info.orig_filename, "is there twice")
            (files if is_file else folders).add(path)
        listed.add(entry.path)


def _check_overlap(archive: zipfile.ZipFile, source: BinaryIO) -> None:
    """Refuses entries that share bytes: that is how a small archive holds petabytes."""
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
    for info, limit in zip(infos, ends, strict=True):
        if info.header_offset < 0:
            raise BadPackage(info.orig_filename, "is said to begin before the archive does")
        source.seek(info.header_offset)
        header = source.read(_LOCAL.size)
        if len(header) < _LOCAL.size:
            raise BadPackage(info.orig_filename, "is cut off")
        *_, name, extra = _LOCAL.unpack(header)
        if info.header_offset + _LOCAL.size + name + extra + info.compress_size > limit:
            raise BadPackage(info.orig_filename, "overlaps with another entry")


# --- Writing ---


def _write_all(archive: zipfile.ZipFile, entries: Iterable[_Entry], target: Path, limits: ArchiveLimits) -> Unpacked:
    """Writes into a new folder beside the target and moves it there when all is well."""
    root = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    files = size = 0
    try:
        for entry in entries:
            path = root / entry.path
            (path if entry.folder else path.parent).mkdir(parents=True, exist_ok=True)
            if not entry.folder:
                size += _write(archive, entry, path, limits, left=limits.total_size - size)
                files += 1
        root.chmod(0o755)
        root.rename(target)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return Unpacked(files=files, size=size)


def _write(archive: zipfile.ZipFile, entry: _Entry, path: Path, limits: ArchiveLimits, *, left: int) -> int:
    info, written = entry.info, 0
    name = info.orig_filename
    try:
        with archive.open(info) as content, path.open("xb") as file:
            while block := content.read(_BLOCK):
                written += len(block)
                if written > limits.file_size:
                    raise BadPackage(name, f"unpacks to more than {limits.file_size} bytes, the limit for one file")
                if written > left:
                    raise BadPackage(name, f"takes the package above {limits.total_size} bytes, its limit")
                if written > limits.ratio_from and written > limits.ratio * max(1, info.compress_size):
                    raise BadPackage(name, f"unpacks to more than {limits.ratio} times its packed size")
                file.write(block)
            os.fchmod(file.fileno(), entry.mode)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadPackage(name, f"is damaged: {error}") from error
    if written != info.file_size:
        raise BadPackage(name, f"is damaged: {written} bytes where {info.file_size} are announced")
    return written
