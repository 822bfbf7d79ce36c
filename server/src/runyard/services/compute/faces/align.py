"""Cutting faces out upright and at one size, as networks that tell faces apart are trained on them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PIL import Image

from runyard.services.compute.models.session import Floats

SIDE: Final = 112
TEMPLATE: Final = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], np.float32
)
"""Where ArcFace wants the landmarks: the person's right eye, left eye, nose, right and left corner of the mouth."""


class CannotAlign(ValueError):
    """The landmarks don't say how a face lies."""


def aligned(picture: Image.Image, landmarks: Floats) -> Image.Image:
    """The face in 112 x 112 pixels, turned and scaled so that its landmarks lie as near as can be to the template.

    Args:
        picture: in mode RGB.
        landmarks: five points (x, y) in pixels, in the template's order.

    Raises:
        CannotAlign: the landmarks are one point, or lie beside the picture.
    """
    turn, origin = _onto_picture(landmarks)
    corners = [origin + turn * complex(x, y) for x in (0, SIDE) for y in (0, SIDE)]
    shrink = max(1, math.floor(abs(turn)))
    margin = 2 * shrink
    left, top = (max(0, math.floor(min(side)) - margin) for side in _sides(corners))
    right, bottom = (
        min(limit, math.ceil(max(side)) + margin) for limit, side in zip(picture.size, _sides(corners), strict=True)
    )
    if left >= right or top >= bottom:
        raise CannotAlign("The landmarks lie beside the picture.")
    # Taking single pixels out of a large face would leave most of it out: it is shrunk by averages first.
    region = picture.reduce(shrink, (left, top, right, bottom))
    turn, origin = turn / shrink, (origin - complex(left, top)) / shrink
    matrix = (turn.real, -turn.imag, origin.real, turn.imag, turn.real, origin.imag)
    return region.transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _onto_picture(landmarks: Floats) -> tuple[complex, complex]:
    """The similarity ``turn * point + origin`` from the cut-out to the picture, by least squares.

    Points are complex numbers: a product turns and scales, and never mirrors.
    """
    there, here = (points[:, 0] + 1j * points[:, 1] for points in (landmarks.astype(float), TEMPLATE.astype(float)))
    around, about = there - there.mean(), here - here.mean()
    spread = np.vdot(around, around).real
    onto_template = np.vdot(around, about) / spread if spread > 1e-6 else 0j
    if not 1e-4 < abs(onto_template) < 1e4:
        raise CannotAlign("The landmarks are too near each other or too far apart.")
    turn = complex(1 / onto_template)
    return turn, complex(there.mean()) - turn * complex(here.mean())


def _sides(points: list[complex]) -> tuple[list[float], list[float]]:
    return [point.real for point in points], [point.imag for point in points]
