"""Pictures that move: their frames one after another, complete and turned upright."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from runyard.services.compute.media.image import Header, decoding
from runyard.services.compute.media.orientation import upright

_DEFAULT_DURATION: Final = 100
"""Milliseconds of a frame that doesn't say: what browsers take."""
_LONGEST: Final = 60_000
"""Milliseconds of one frame that every format can write down."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of several. ``duration`` is in milliseconds."""

    image: Image.Image
    duration: int


def moves(header: Header) -> bool:
    """Whether it is an animation."""
    return header.frames > 1


def plays(header: Header) -> int:
    """How often it is shown; 0 is for ever."""
    loop = header.image.info.get("loop")
    if header.image.format == "GIF":  # which says how often again
        return loop + 1 if isinstance(loop, int) and loop > 0 else 1 if loop is None else 0
    return loop if isinstance(loop, int) and loop > 0 else 0


def frames(header: Header) -> Iterator[Frame]:
    """Every frame, in mode RGB or RGBA."""
    image = header.image
    # A PNG may begin with a picture for viewers that can't show animations.
    first = 1 if image.info.get("default_image") is True else 0
    for index in range(first, header.frames):
        with decoding(header.name):
            image.seek(index)
            image.load()
            seen = upright(image.convert("RGBA" if image.has_transparency_data else "RGB"), header.note)
        yield Frame(seen, _duration(image.info.get("duration")))


def _duration(told: object) -> int:
    """Milliseconds, by what the file tells."""
    return min(_LONGEST, round(told)) if isinstance(told, int | float) and told > 0 else _DEFAULT_DURATION
