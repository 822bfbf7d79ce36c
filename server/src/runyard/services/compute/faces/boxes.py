"""Boxes around faces as arrays of rows ``x1, y1, x2, y2`` in pixels, edges excluded on the right and below."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runyard.services.compute.models.session import Floats

Indexes: TypeAlias = NDArray[np.intp]


def distinct(
    boxes: Floats, scores: Floats, threshold: float, *, share_of: Literal["union", "smaller"] = "union"
) -> Indexes:
    """Which boxes to keep, best first, when of those that overlap by more than ``threshold`` only the best stays.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,).
        threshold: share of the common area, 0 to 1.
        share_of: what it is a share of: the area of both together, or that of the smaller one.
    """
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(int(best))
        corners = np.maximum(boxes[best, :2], boxes[waiting, :2]), np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        common = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=1)
        either = np.minimum(areas[best], areas[waiting])
        whole = either if share_of == "smaller" else areas[best] + areas[waiting] - common
        waiting = waiting[common <= threshold * whole]
    return np.array(kept, dtype=np.intp)


def shifted(boxes: Floats, corrections: Floats) -> Floats:
    """The boxes with each edge moved by a correction, in shares of the box's width or height."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + corrections * np.tile(sides, 2)


def squared(boxes: Floats) -> Floats:
    """The boxes as squares around the same centres, as wide as their longer side."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centres - halves, centres + halves])
