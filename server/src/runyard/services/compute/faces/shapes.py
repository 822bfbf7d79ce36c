"""How results say where a face is: in shares of the picture's width and height, so that they fit it at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, TypeAlias

from runyard.services.compute.plugin import Result

if TYPE_CHECKING:
    from runyard.services.compute.models.session import Floats

DIGITS: Final = 6

Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels; may reach beyond the picture."""


class BoundingBox(Result):
    """A box around a face, 0 to 1, cut off at the picture's edges."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def of(cls, box: Box, size: tuple[int, int]) -> Self:
        """The box in a picture of this width and height."""
        shares = (value / side for value, side in zip(box, size * 2, strict=True))
        x1, y1, x2, y2 = (round(min(1.0, max(0.0, share)), DIGITS) for share in shares)
        return cls(x1=x1, y1=y1, x2=x2, y2=y2)


class Landmarks(Result):
    """Five points of a face, [x, y]; right is the person's right. They may lie beyond the picture's edges."""

    right_eye: Point
    left_eye: Point
    nose_tip: Point
    mouth_right: Point
    mouth_left: Point

    @classmethod
    def of(cls, points: Floats, size: tuple[int, int]) -> Self:
        """The five points, in the order of the fields, in a picture of this width and height."""
        width, height = size
        shares = ((round(x / width, DIGITS), round(y / height, DIGITS)) for x, y in points.tolist())
        return cls(**dict(zip(cls.model_fields, shares, strict=True)))
