"""Faces to describe: those found in a picture, or the one it is cut out of, and how sharp they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from runyard.services.compute.faces.detector import find_faces
from runyard.services.compute.faces.shapes import Box

LOOK: Final = 512
"""Side in pixels at which a picture that may be cut too tightly is looked at again."""
CUT_OUT: Final = 256
"""Side in pixels of the largest picture that is taken for a face where none can be found in it."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face. ``confidence`` is None where none was found and the picture was taken for one."""

    box: Box
    confidence: float | None

    @property
    def area(self) -> float:
        """Square pixels."""
        return _area(self.box)


def portraits(picture: Image.Image, *, confidence: float) -> list[Portrait]:
    """The faces of a picture, surest first, or the one it is cut out of: programs send cut-out faces, too.

    Args:
        picture: in mode RGB.
        confidence: how sure it has to be that something is a face, 0 to 1.
    """
    found = [Portrait(face.box, face.confidence) for face in find_faces(picture, confidence=confidence)]
    return found or _cut_too_tightly(picture, confidence) or _taken_for_one(picture)


def sharpness(picture: Image.Image, box: Box) -> float:
    """How much brightness changes from pixel to pixel in a box, 0 (not at all) to 1 (sharp).

    It is the variance of the Laplacian of the grey picture, 100 and more counting as sharp.
    """
    x1, y1, x2, y2 = (round(edge) for edge in box)
    region = picture.crop((max(0, x1), max(0, y1), min(picture.width, x2), min(picture.height, y2)))
    grey = np.asarray(region.convert("L"), dtype=np.float32)
    if min(grey.shape) < 3:
        return 0.0
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return min(1.0, float(np.var(around - 4 * grey[1:-1, 1:-1])) / 100)


def _cut_too_tightly(picture: Image.Image, confidence: float) -> list[Portrait]:
    """The face that fills the picture: the networks see it when there is a margin around it."""
    scale = max(1.0, max(picture.size) / LOOK)
    size = max(1, round(picture.width / scale)), max(1, round(picture.height / scale))
    small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    margin = max(size) // 2
    for face in find_faces(ImageOps.expand(small, margin), confidence=confidence):
        x1, y1, x2, y2 = ((edge - margin) * scale for edge in face.box)
        if _area((x1, y1, x2, y2)) > picture.width * picture.height / 3:
            return [Portrait((x1, y1, x2, y2), face.confidence)]
    return []


def _taken_for_one(picture: Image.Image) -> list[Portrait]:
    """The middle of a picture whose size and shape are those of a cut-out face."""
    width, height = picture.size
    if max(width, height) > CUT_OUT or not 0.6 <= width / height <= 1.5:
        return []
    return [Portrait((0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height), None)]


def _area(box: Box) -> float:
    x1, y1, x2, y2 = box
    return (x2 - x1) * (y2 - y1)
