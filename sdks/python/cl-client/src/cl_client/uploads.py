"""Files on their way to the server: opened, named, and sent piece by piece, never whole in memory."""

from __future__ import annotations

import asyncio
import io
import os
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from .http_utils import content_type_of

Source = str | os.PathLike[str] | bytes | BinaryIO | AsyncIterable[bytes]
"""What can be uploaded: a path, bytes, an open binary file, or an async iterator of bytes."""

Upload = Callable[[int, int | None], object]
"""Called with bytes sent and in all; the latter is None when nobody knows."""

_BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form.

    Attributes:
        size: its length in bytes; None when nobody knows before the end.
        start: where in `file` it begins.
        owned: whether `file` was opened here.
    """

    name: str
    content_type: str
    file: BinaryIO | AsyncIterable[bytes]
    size: int | None
    start: int = 0
    owned: bool = False

    @property
    def replayable(self) -> bool:
        """Whether it can be sent twice."""
        return self.size is not None

    async def blocks(self) -> AsyncIterator[bytes]:
        """Its bytes, from the start."""
        if isinstance(self.file, AsyncIterable):
            async for block in self.file:
                yield block
            return
        if self.replayable:
            self.file.seek(self.start)
        while block := await _read(self.file):
            yield block

    def close(self) -> None:
        """Close what was opened here."""
        if self.owned and not isinstance(self.file, AsyncIterable):
            self.file.close()


async def open_part(source: Source | FilePart, *, filename: str | None = None) -> FilePart:
    """Open a file for sending.

    Args:
        source: what to send.
        filename: what the server is told; the file's own name otherwise.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: it is a folder.
    """
    if isinstance(source, FilePart):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        file = await asyncio.to_thread(path.open, "rb")
        name = filename or path.name
        return FilePart(name, content_type_of(name), file, os.fstat(file.fileno()).st_size, owned=True)
    name = filename or _own_name(source)
    kind = content_type_of(name)
    if isinstance(source, bytes | bytearray | memoryview):
        return FilePart(name, kind, io.BytesIO(source), len(source), owned=True)
    if isinstance(source, AsyncIterable):
        return FilePart(name, kind, source, None)
    if not hasattr(source, "read"):
        raise TypeError(f"{source!r} can't be uploaded: give a path, bytes, a binary file or an async iterator")
    if not source.seekable():
        return FilePart(name, kind, source, None)
    start = source.tell()
    size = source.seek(0, io.SEEK_END) - start
    return FilePart(name, kind, source, size, start)


class FormBody:
    """A multipart/form-data body. Iterating it again sends it again, if its files can be read again.

    Args:
        fields: names and texts.
        files: names and files.
        on_upload: called with bytes of the files sent, and in all.
    """

    def __init__(
        self, fields: Mapping[str, str], files: Iterable[tuple[str, FilePart]], *, on_upload: Upload | None = None
    ) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._on_upload = on_upload
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        self._head = head.encode()
        self._files = [(_file_head(boundary, name, part), part) for name, part in files]
        self._tail = f"--{boundary}--\r\n".encode()

    @property
    def replayable(self) -> bool:
        """Whether it can be sent twice."""
        return all(part.replayable for _, part in self._files)

    @property
    def headers(self) -> dict[str, str]:
        """`Content-Type`, and `Content-Length` where it is known."""
        headers = {"Content-Type": self.content_type}
        payload = self._payload()
        if payload is not None:
            around = len(self._head) + len(self._tail) + sum(len(head) + 2 for head, _ in self._files)
            headers["Content-Length"] = str(around + payload)
        return headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = self._payload()
        sent = 0
        if self._head:
            yield self._head
        for head, part in self._files:
            yield head
            async for block in part.blocks():
                yield block
                sent += len(block)
                if self._on_upload is not None:
                    self._on_upload(sent, total)
            yield b"\r\n"
        yield self._tail

    def _payload(self) -> int | None:
        """Bytes of all files together."""
        total = 0
        for _, part in self._files:
            if part.size is None:
                return None
            total += part.size
        return total


def _file_head(boundary: str, name: str, part: FilePart) -> bytes:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(part.name)}"\r\n'
        f"Content-Type: {part.content_type}\r\n\r\n"
    ).encode("utf-8", "surrogateescape")


def _quoted(name: str) -> str:
    """As browsers write names in a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _own_name(source: object) -> str:
    name: object = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) and name else "upload"


async def _read(file: BinaryIO) -> bytes:
    if isinstance(file, io.BytesIO):
        return file.read(_BLOCK)
    return await asyncio.to_thread(file.read, _BLOCK)
