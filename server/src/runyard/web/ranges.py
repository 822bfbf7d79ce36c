"""The ``Range`` header of HTTP (RFC 9110, section 14), as far as one range of bytes goes."""

from __future__ import annotations

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*")


class Unsatisfiable(ValueError):
    """The range begins after the end."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """``(start, end)`` of the wanted bytes, end exclusive; None when the whole is to be sent.

    What isn't one range of bytes is ignored, as the standard allows.

    Raises:
        Unsatisfiable: there are no such bytes.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Unsatisfiable(header)
    return start, end
