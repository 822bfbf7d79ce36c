"""Finding faces with MTCNN: one small network proposes boxes at many sizes, a second refines, a third confirms.

Zhang, Zhang, Li, Qiao: Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks (2016).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from PIL import Image

from runyard.services.compute.faces.boxes import distinct, shifted, squared
from runyard.services.compute.faces.shapes import Box
from runyard.services.compute.faces.weights import detection_weights
from runyard.services.compute.models.session import Floats, Network

LARGEST: Final = 2_800_000
"""Pixels at which faces are looked for; larger pictures are shrunk to it, which bounds the time for any size."""
SMALLEST: Final = 20
"""Side in pixels of the smallest face that is looked for, after shrinking."""
SHRINK: Final = 0.709
"""From one size to the next: half the area."""
CELL: Final = 12
"""Side in pixels of what the first network judges at once."""
STEP: Final = 2
PROPOSALS: Final = 800
CANDIDATES: Final = 200
"""Most boxes handed to the second and to the third network, the best of them: a picture has at most 200 faces."""


GREY: Final = np.float32(127.5)
CONTRAST: Final = np.float32(128)
"""What the networks take for the middle and the width of a pixel's values."""
HALF: Final = np.float32(0.5)


@dataclass(frozen=True, slots=True)
class Face:
    """One face.

    Attributes:
        box: x1, y1, x2, y2 in pixels; may reach beyond the picture.
        confidence: 0 to 1.
        landmarks: five points (x, y) in pixels: right eye, left eye, tip of the nose, right and left corner of the
            mouth, where right is the person's right.
    """

    box: Box
    confidence: float
    landmarks: Floats


def find_faces(picture: Image.Image, *, confidence: float = 0.7, overlap: float = 0.4) -> list[Face]:
    """The faces of a picture, surest first.

    Args:
        picture: in mode RGB, upright.
        confidence: how sure the last network has to be of a face, 0 to 1.
        overlap: share of common area above which two boxes are one face, 0 to 1.

    Raises:
        ModelError: the networks can't be loaded.
        FileNotFoundError: they are not installed.
    """
    seen = _at_working_size(picture)
    # Who asks for unsure faces needs the first two networks to let them through.
    boxes = _proposed(seen, threshold=min(0.6, max(confidence, 0.4)))
    boxes = _refined(seen, boxes, threshold=min(0.7, max(confidence, 0.3)))
    boxes, scores, points = _confirmed(seen, boxes, threshold=confidence)
    best = distinct(boxes, scores, 0.7, share_of="smaller")
    best = best[distinct(boxes[best], scores[best], overlap)]
    scale = np.array([picture.width / seen.width, picture.height / seen.height], np.float32)
    return [_face(boxes[one], float(scores[one]), points[one], scale) for one in best]


def _face(box: Floats, score: float, points: Floats, scale: Floats) -> Face:
    x1, y1, x2, y2 = (box * np.tile(scale, 2)).tolist()
    return Face((x1, y1, x2, y2), score, points * scale)


def _at_working_size(picture: Image.Image) -> Image.Image:
    shrink = math.sqrt(LARGEST / (picture.width * picture.height))
    if shrink >= 1:
        return picture
    size = max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))
    return picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _proposed(seen: Image.Image, *, threshold: float) -> Floats:
    """Boxes that may hold a face, from a look at the picture in many sizes."""
    network = _networks()[0]
    found = [(np.empty((0, 4), np.float32), np.empty(0, np.float32))]
    for level in _sizes(seen):
        corrections, scores = network.run(_pixels([level]))
        cells = np.argwhere(scores[0, :, :, 1] >= threshold)
        sure = scores[0, cells[:, 0], cells[:, 1], 1]
        corners = cells.astype(np.float32) * STEP
        scale = np.array([seen.width / level.width, seen.height / level.height], np.float32)
        boxes = np.hstack([corners, corners + CELL]) * np.tile(scale, 2)
        boxes = shifted(boxes, corrections[0, cells[:, 0], cells[:, 1]])
        first = np.argsort(-sure, kind="stable")[:PROPOSALS]
        boxes, sure = boxes[first], sure[first]
        kept = distinct(boxes, sure, 0.5)
        found.append((boxes[kept], sure[kept]))
    boxes, sure = np.concatenate([boxes for boxes, _ in found]), np.concatenate([sure for _, sure in found])
    return squared(boxes[distinct(boxes, sure, 0.7)[:PROPOSALS]])


def _refined(seen: Image.Image, boxes: Floats, *, threshold: float) -> Floats:
    """The boxes that look like a face from nearer, put right."""
    network = _networks()[1]
    boxes, pixels = _cut_out(seen, boxes, side=24)
    if not len(boxes):
        return boxes
    corrections, scores = network.run(pixels)
    sure = scores[:, 1]
    likely = np.flatnonzero(sure >= threshold)
    kept = likely[distinct(boxes[likely], sure[likely], 0.7)[:CANDIDATES]]
    return squared(shifted(boxes[kept], corrections[kept]))


def _confirmed(seen: Image.Image, boxes: Floats, *, threshold: float) -> tuple[Floats, Floats, Floats]:
    """The boxes that are faces, how sure that is, and their landmarks."""
    network = _networks()[2]
    boxes, pixels = _cut_out(seen, boxes, side=48)
    if not len(boxes):
        return boxes, np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
    # A face is one in the mirror too; most of what only looks like one isn't.
    corrections, points, scores = (
        (seen_so + mirrored) * HALF
        for seen_so, mirrored in zip(
            _judged(network, pixels), _unmirrored(*_judged(network, pixels[:, ::-1])), strict=True
        )
    )
    sides = boxes[:, 2:] - boxes[:, :2]
    landmarks = boxes[:, None, :2] + points * sides[:, None]
    boxes = shifted(boxes, corrections)
    kept = (scores >= threshold) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return boxes[kept], scores[kept], landmarks[kept]


def _judged(network: Network, pixels: Floats) -> tuple[Floats, Floats, Floats]:
    """Corrections (n, 4), points (n, 5, 2) in shares of the box, and scores (n,) of the last network."""
    corrections, points, scores = network.run(pixels)
    return corrections, np.stack([points[:, :5], points[:, 5:]], axis=2), scores[:, 1]


def _unmirrored(corrections: Floats, points: Floats, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """What the network said of mirrored pictures, for the pictures themselves: left is right there."""
    swapped = points[:, [1, 0, 2, 4, 3]]
    swapped[:, :, 0] = 1 - swapped[:, :, 0]
    return corrections[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32), swapped, scores


def _sizes(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture in sizes in which faces of all sizes are as large as a cell."""
    scale = CELL / SMALLEST
    while min(picture.size) * scale >= CELL:
        size = round(picture.width * scale), round(picture.height * scale)
        yield picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        scale *= SHRINK


def _cut_out(seen: Image.Image, boxes: Floats, *, side: int) -> tuple[Floats, Floats]:
    """Boxes that make sense, and what is in them, black beyond the picture."""
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0)
    beyond = np.abs(boxes).max(axis=1, initial=0.0)
    boxes = boxes[(sides >= 1) & (beyond < 3 * max(seen.size))]  # a network that is wrong can be very wrong
    cuts = []
    for x1, y1, x2, y2 in boxes.tolist():
        left, top = math.floor(x1), math.floor(y1)
        region = seen.crop((left, top, math.ceil(x2), math.ceil(y2)))
        box = (x1 - left, y1 - top, x2 - left, y2 - top)
        cuts.append(region.resize((side, side), Image.Resampling.BILINEAR, box, reducing_gap=2.0))
    return boxes, _pixels(cuts)


def _pixels(pictures: list[Image.Image]) -> Floats:
    """Pictures of one size as the networks want them: about -1 to 1, and x before y."""
    if not pictures:
        return np.empty((0, 0, 0, 3), np.float32)
    values = np.stack([np.asarray(picture) for picture in pictures], dtype=np.float32)
    return ((values - GREY) / CONTRAST).swapaxes(1, 2)


@cache
def _networks() -> tuple[Network, ...]:
    """Proposing, refining, confirming."""
    return tuple(Network.load(path) for path in detection_weights())
