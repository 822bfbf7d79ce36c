"""Contents that travel in chunks: cut for sending, put together and checked when received. Pure, but for reading files.

262144 bytes each, the last one shorter; an empty content is one chunk of no bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3

from ._messages import Chunk
from .errors import BlobDamaged, UsageError

CHUNK: Final = 262_144
"""Bytes of a chunk."""

Content: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str]"
"""Bytes, or the path of a file."""

Progress: TypeAlias = "Callable[[int, int], object]"
"""Told how many bytes were sent, and how many there are."""


class Source:
    """A content to be sent: its size, its hash and its chunks.

    A file is read twice, for the hash and for the sending, and never held whole.
    """

    def __init__(self, content: Content) -> None:
        self._path = Path(content).expanduser() if isinstance(content, (str, os.PathLike)) else None
        self._content = memoryview(b"" if isinstance(content, (str, os.PathLike)) else content)
        self.size = 0
        self.digest = ""

    def measure(self) -> None:
        """Find the size and the hash. Blocks.

        Raises:
            OSError: the file can't be read.
        """
        hasher = blake3()
        if self._path is None:
            self.size = self._content.nbytes
            hasher.update(self._content)
        else:
            with self._path.open("rb") as file:
                while block := file.read(16 * CHUNK):
                    self.size += len(block)
                    hasher.update(block)
        self.digest = hasher.hexdigest()

    @property
    def total(self) -> int:
        """How many chunks there are."""
        return max(1, -(-self.size // CHUNK))

    def chunks(self, first: int, count: int) -> list[bytes]:
        """Some chunks. Blocks.

        Raises:
            UsageError: the file has become shorter.
        """
        start = first * CHUNK
        end = min(self.size, start + count * CHUNK)
        block: bytes | memoryview
        if self._path is None:
            block = self._content[start:end]
        else:
            with self._path.open("rb") as file:
                file.seek(start)
                block = file.read(end - start)
            if len(block) != end - start:
                raise UsageError(f"{str(self._path)!r} changed while it was sent")
        return [bytes(block[at : at + CHUNK]) for at in range(0, max(len(block), 1), CHUNK)]


class Assembly:
    """A content that arrives in chunks.

    Args:
        first: a chunk of index 0.
        most: bytes that it may have.
    """

    def __init__(self, first: Chunk, *, most: int) -> None:
        self.digest = first.blob_hash
        self.seq = first.seq
        self._total = first.total
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: Chunk) -> bytes | None:
        """Take the next chunk; gives the content when it is whole.

        Raises:
            BlobDamaged: a chunk is missing, the content is too large, or it doesn't fit the hash.
        """
        if chunk.index != len(self._parts) or chunk.total != self._total or chunk.blob_hash != self.digest:
            raise BlobDamaged(
                f"Blob {self.digest!r}: chunk {chunk.index} of {chunk.total} came where"
                f" {len(self._parts)} of {self._total} was due"
            )
        self._size += len(chunk.content)
        if self._size > self._most or self._total * CHUNK > self._most + CHUNK:
            raise BlobDamaged(f"Blob {self.digest!r} is larger than {self._most} bytes; raise it with: max_blob=")
        self._parts.append(chunk.content)
        if len(self._parts) < self._total:
            return None
        content = b"".join(self._parts)
        if blake3(content).hexdigest() != self.digest:
            raise BlobDamaged(f"Blob {self.digest!r} of {len(content)} bytes doesn't fit its hash")
        return content


def digest_of(content: bytes) -> str:
    """The BLAKE3 hash of some bytes, in lower-case hex."""
    return blake3(content).hexdigest()
