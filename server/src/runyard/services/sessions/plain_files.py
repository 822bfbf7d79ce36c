"""Reading what sandboxed processes have left: plain files only, and no link on the way is followed."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from runyard.sizes import MIB

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_plain(folder: Path, name: str) -> int:
    """A descriptor for reading the file ``name``, which may have folders in it, below a folder of ours. Blocks.

    Raises:
        OSError: there is none, or it is no plain file.
    """
    *parents, last = name.split("/")
    place = os.open(folder, _FOLDER)
    try:
        for parent in parents:
            inner = os.open(parent, _FOLDER, dir_fd=place)
            os.close(place)
            place = inner
        file = os.open(last, _FILE, dir_fd=place)
    finally:
        os.close(place)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise OSError(f"{name!r} is no plain file")


def read_plain(folder: Path, name: str, *, limit: int) -> bytes:
    """The content of such a file. Blocks.

    Raises:
        OSError: there is none, it is no plain file or it has more than ``limit`` bytes.
    """
    with os.fdopen(open_plain(folder, name), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"{name!r} has more than {limit} bytes")
    return content


async def plain_pieces(folder: Path, name: str) -> AsyncIterator[bytes]:
    """The same in pieces.

    Raises:
        OSError: there is none, or it is no plain file.
    """
    file = await asyncio.to_thread(open_plain, folder, name)
    try:
        while piece := await asyncio.to_thread(os.read, file, MIB):
            yield piece
    finally:
        os.close(file)
