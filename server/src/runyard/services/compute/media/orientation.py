"""Turning pictures the way they are meant to be seen: cameras store them as the sensor lay, with a note."""

from __future__ import annotations

from typing import Final

from PIL import ExifTags, Image

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

SIDEWAYS: Final = 5
"""From this note on width and height are exchanged."""


def orientation(image: Image.Image) -> int:
    """The note, 1 (as it is) to 8. A note that can't be read is none."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  (the parser of damaged EXIF raises whatever it trips over)
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def upright(image: Image.Image, note: int) -> Image.Image:
    """The picture turned by its note. Whoever keeps its EXIF has to take the note out."""
    turn = _TURNS.get(note)
    return image if turn is None else image.transpose(turn)
