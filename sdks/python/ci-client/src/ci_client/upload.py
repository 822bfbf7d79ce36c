"""A multipart/form-data body that is produced piece by piece, with its length known before."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

_BLOCK = 256 * 1024


class MultipartBody:
    """Text fields, then at most one file, read from its start each time the body is iterated.

    Args:
        fields: names and values.
        file: sent as the field `file`, named `project.zip`; None sends the fields alone.
        size: the file's length in bytes.
        on_progress: called with bytes of the file sent, and in all.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        *,
        file: BinaryIO | None = None,
        size: int = 0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._file = file
        self._size = size
        self._on_progress = on_progress
        head = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        if file is not None:
            head.append(
                f"--{boundary}\r\n"
                'Content-Disposition: form-data; name="file"; filename="project.zip"\r\n'
                "Content-Type: application/zip\r\n\r\n"
            )
        self._head = "".join(head).encode()
        self._tail = (f"\r\n--{boundary}--\r\n" if file is not None else f"--{boundary}--\r\n").encode()

    def __len__(self) -> int:
        return len(self._head) + (self._size if self._file is not None else 0) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        if self._file is not None:
            self._file.seek(0)
            sent = 0
            while block := self._file.read(_BLOCK):
                yield block
                sent += len(block)
                if self._on_progress is not None:
                    self._on_progress(sent, self._size)
        yield self._tail
