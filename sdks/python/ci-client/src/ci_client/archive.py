"""Writes a zip whose bytes depend on nothing but names, modes and contents, as fast as the machine allows.

Names come in order, times are fixed, compression is quick, and what is already compressed is stored. Small
files are compressed ahead by a few threads (zlib runs beside Python), large ones pass through in blocks.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

from .errors import PackageError
from .selection import ProjectFile, Selection

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_LEVEL = 1
_BLOCK = 1024 * 1024
_BATCH = 512 * 1024  # bytes of small files that one task packs: fewer tasks cost less
_AHEAD = 8  # tasks whose results may wait in memory
_LARGEST = 0xFFFF_FFFF  # what the plain zip format can tell
_MOST = 0xFFFF
_STORED, _DEFLATED = 0, 8
_VERSION = 20
_UNIX = 3 << 8
_UTF8 = 0x800
_DATE = 0x21  # 1980-01-01, the earliest a zip can tell
_COMPRESSED = frozenset(
    """
    .7z .avif .br .bz2 .flac .gif .gz .heic .jar .jpeg .jpg .lz4 .m4a .mkv .mov .mp3 .mp4 .npz .ogg .parquet
    .png .tgz .webm .webp .whl .woff .woff2 .xlsx .xz .zip .zst
    """.split()  # noqa: SIM905 - one a line would fill the screen
)


@dataclass(frozen=True, slots=True)
class _Member:
    """What the directory at the archive's end says of a file."""

    name: bytes
    method: int
    crc: int
    packed_size: int
    size: int
    mode: int
    offset: int

    def header(self) -> bytes:
        """What stands before its bytes."""
        return struct.pack("<4s2H", b"PK\x03\x04", _VERSION, _UTF8) + self._common() + b"\0\0" + self.name

    def entry(self) -> bytes:
        """Its line in the directory."""
        head = struct.pack("<4s3H", b"PK\x01\x02", _VERSION | _UNIX, _VERSION, _UTF8)
        tail = struct.pack("<4H2I", 0, 0, 0, 0, self.mode << 16, self.offset)
        return head + self._common() + tail + self.name

    def _common(self) -> bytes:
        sizes = (self.crc, self.packed_size, self.size, len(self.name))
        return struct.pack("<3H3IH", self.method, 0, _DATE, *sizes)


def write_archive(target: IO[bytes], selection: Selection, *, on_progress: Progress | None = None) -> None:
    """Write the files as a zip at the start of an empty, seekable target.

    Raises:
        PackageError: a file cannot be read, or is larger than a zip can hold.
    """
    total = selection.size
    members: list[_Member] = []
    done = 0
    for member, count in _written(target, selection.files):
        done += count
        if on_progress is not None and count:
            on_progress(done, total)
        if member is not None:
            members.append(member)
    _write_directory(target, members)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A small file as it is written."""

    file: ProjectFile
    content: bytes
    crc: int
    size: int


def _written(target: IO[bytes], files: tuple[ProjectFile, ...]) -> Iterator[tuple[_Member | None, int]]:
    """Write the files; yields bytes done, and at a file's end what the directory says of it."""
    waiting: deque[ProjectFile | Future[list[_Packed]]] = deque()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="ci-package") as pool:
        for batch in _batches(files):
            waiting.append(batch[0] if batch[0].size > _BLOCK else pool.submit(_pack, batch))
            if len(waiting) > _AHEAD:
                yield from _write(target, waiting.popleft())
        while waiting:
            yield from _write(target, waiting.popleft())


def _batches(files: tuple[ProjectFile, ...]) -> Iterator[list[ProjectFile]]:
    """The files in order, small ones in company, large ones alone."""
    batch: list[ProjectFile] = []
    size = 0
    for file in files:
        if batch and size + file.size > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _pack(batch: list[ProjectFile]) -> list[_Packed]:
    packed = []
    for file in batch:
        content = b"".join(_read(file))
        crc, size = zlib.crc32(content), len(content)
        if deflater := _deflater(file):
            content = deflater.compress(content) + deflater.flush()
        packed.append(_Packed(file, content, crc, size))
    return packed


def _write(target: IO[bytes], unit: ProjectFile | Future[list[_Packed]]) -> Iterator[tuple[_Member | None, int]]:
    if isinstance(unit, ProjectFile):
        yield from _write_large(target, unit)
        return
    for packed in unit.result():
        member = _member(packed.file, packed.crc, len(packed.content), packed.size, target.tell())
        target.write(member.header() + packed.content)
        yield member, packed.size


def _write_large(target: IO[bytes], file: ProjectFile) -> Iterator[tuple[_Member | None, int]]:
    offset = target.tell()
    target.write(_member(file, 0, 0, 0, offset).header())  # holds the place
    start = target.tell()
    deflater = _deflater(file)
    crc = size = 0
    for block in _read(file):
        crc = zlib.crc32(block, crc)
        size += len(block)
        target.write(deflater.compress(block) if deflater else block)
        yield None, len(block)
    if deflater:
        target.write(deflater.flush())
    end = target.tell()
    member = _member(file, crc, end - start, size, offset)
    target.seek(offset)
    target.write(member.header())
    target.seek(end)
    yield member, 0


def _member(file: ProjectFile, crc: int, packed_size: int, size: int, offset: int) -> _Member:
    if max(packed_size, size, offset) >= _LARGEST:
        raise PackageError(f"{file.name!r} would make the package larger than 4 GiB; leave it out with .ciignore")
    mode = 0o100755 if file.mode & 0o111 else 0o100644
    method = _STORED if _is_compressed(file) else _DEFLATED
    return _Member(file.name.encode(), method, crc, packed_size, size, mode, offset)


def _is_compressed(file: ProjectFile) -> bool:
    return f".{file.name.rpartition('.')[2].lower()}" in _COMPRESSED


def _deflater(file: ProjectFile) -> zlib._Compress | None:
    return None if _is_compressed(file) else zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


def _read(file: ProjectFile) -> Iterator[bytes]:
    try:
        with open(file.path, "rb", buffering=0) as source:  # noqa: PTH123 - see selection
            while block := source.read(_BLOCK):
                yield block
    except OSError as error:
        raise PackageError(f"{file.name!r} cannot be read: {error.strerror or error}") from error


def _write_directory(target: IO[bytes], members: list[_Member]) -> None:
    if len(members) > _MOST:
        raise PackageError(f"{len(members)} files are more than a package can hold ({_MOST}); use .ciignore")
    start = target.tell()
    target.write(b"".join(member.entry() for member in members))
    size = target.tell() - start
    target.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(members), len(members), size, start, 0))
