"""Telling faces apart with dlib: 128 numbers a face, near each other for one person.

The Euclidean distance of two of them is below 0.6 for one person and above for two; of normalised ones, 0.45.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from runyard.services.compute.faces.weights import identity_weights

if TYPE_CHECKING:
    import dlib  # type: ignore[import-untyped]
    from PIL import Image

    from runyard.services.compute.faces.shapes import Box
    from runyard.services.compute.models.session import Floats

LENGTH: Final = 128


def descriptors(picture: Image.Image, boxes: Sequence[Box]) -> Floats:
    """One row of 128 numbers for each box.

    Args:
        picture: in mode RGB.
        boxes: x1, y1, x2, y2 in pixels, as `find_faces` gives them.

    Raises:
        FileNotFoundError: the networks are not installed.
    """
    import dlib  # noqa: PLC0415  (heavy)

    if not boxes:
        return np.empty((0, LENGTH), np.float32)
    landmarks, network = _networks()
    pixels = np.asarray(picture)
    shapes = dlib.full_object_detections()
    for box in boxes:
        shapes.append(landmarks(pixels, dlib.rectangle(*_as_dlib_draws_it(box))))
    return np.array(network.compute_face_descriptor(pixels, shapes), np.float32)


def _as_dlib_draws_it(box: Box) -> tuple[int, int, int, int]:
    """A square from the brows to below the chin: its finder of landmarks is trained on such boxes."""
    x1, y1, x2, y2 = box
    half = (x2 - x1 + y2 - y1) / 4
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 + (y2 - y1) / 20
    return round(x - half), round(y - half), round(x + half), round(y + half)


@cache
def _networks() -> tuple[dlib.shape_predictor, dlib.face_recognition_model_v1]:
    """The finder of landmarks and the network of descriptors."""
    import dlib  # noqa: PLC0415

    landmarks, network = identity_weights()
    return dlib.shape_predictor(str(landmarks)), dlib.face_recognition_model_v1(str(network))
