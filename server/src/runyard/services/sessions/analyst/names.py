"""Words of strangers made safe to show: nothing in them moves a cursor, turns a line around or breaks a table."""

from __future__ import annotations

import os
from typing import Final

LONGEST_NAME: Final = 300
LONGEST_LINE: Final = 160


def shown(name: str) -> str:
    r"""A file's name as it may be printed: one line, and no two names look the same.

    Control, formatting and undecodable characters become ``\n``, ``\x1b``, ``\u202e``; a backslash is doubled.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(_escaped(char) for char in name)


def shown_path(path: bytes) -> str:
    """A path as git prints it, made safe."""
    return shown(os.fsdecode(path))


def line(text: str, *, limit: int = LONGEST_LINE) -> str:
    """Text as one line of at most `limit` characters; what can't be printed goes."""
    flat = " ".join(text[: limit * 8].split())
    if not flat.isprintable():
        flat = "".join(char for char in flat if char.isprintable())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def short(name: str, *, limit: int = LONGEST_NAME) -> str:
    """A name with its middle left out when it is very long."""
    return name if len(name) <= limit else f"{name[: limit // 2]}…{name[-(limit // 2 - 1) :]}"


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    if 0xDC80 <= ord(char) <= 0xDCFF:  # a byte that is no UTF-8, as the file system hands it out
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
