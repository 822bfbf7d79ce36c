"""Parameters that several plugins have. Light to import: the API reads them without the libraries that decode."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field

Side = Annotated[int, Field(gt=0, le=65_535, description="Pixels.")]
Quality = Annotated[int, Field(ge=1, le=100, description="Of formats that lose some, 1 (smallest) to 100 (best).")]
Background = Annotated[
    str,
    Field(
        pattern=r"^#?[0-9A-Fa-f]{6}$", description="Colour behind what is transparent, `#rrggbb`, where it can't be."
    ),
]
Format = Literal["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff", "avif"]


def extension(format_: Format) -> str:
    """What the names of files in this format end with."""
    return "jpg" if format_ == "jpeg" else format_


def stem(name: str) -> str:
    """The name of a file without its ending, of letters that are safe in any path and URL."""
    return re.sub(r"[^\w.-]+", "_", PurePath(name).stem).strip("._")[:100] or "image"


def colour(background: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(background.removeprefix("#"))
    return red, green, blue
