"""Sizes and cuts: how large a picture becomes, and which part of it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageFilter

from runyard.services.compute.media.colour import plain

Size = tuple[int, int]
Fit = Literal["contain", "cover", "exact"]

LANCZOS: Final = Image.Resampling.LANCZOS
GAP: Final = 1.5
"""How much larger than the result a picture is before the last, careful step of making it smaller."""

_GLANCE: Final = 160
"""Pixels a side that are enough to see where something is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make of a picture: the part ``box`` of ``whole`` becomes ``size``."""

    whole: Size
    size: Size
    box: tuple[float, float, float, float]

    @property
    def at_least(self) -> Size:
        """Size of the whole picture that is enough to start from."""
        left, top, right, bottom = self.box
        width, height = self.whole
        return (
            min(width, round(self.size[0] * GAP * width / (right - left))),
            min(height, round(self.size[1] * GAP * height / (bottom - top))),
        )

    def apply(self, image: Image.Image) -> Image.Image:
        """Make it, of the whole picture at any resolution."""
        across, down = image.width / self.whole[0], image.height / self.whole[1]
        left, top, right, bottom = self.box
        box = (left * across, top * down, right * across, bottom * down)
        if image.size == self.size == self.whole:
            return image
        return image.resize(self.size, LANCZOS, box, reducing_gap=2.0)


def inside(whole: Size, width: int | None, height: int | None, *, enlarge: bool = False) -> Size:
    """The largest size of the same shape within ``width`` and ``height``; no larger than it is unless told so."""
    scales = [wanted / given for wanted, given in zip((width, height), whole, strict=True) if wanted is not None]
    scale = min(scales, default=1.0)
    if not enlarge:
        scale = min(scale, 1.0)
    return max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))


def plan(whole: Size, width: int | None, height: int | None, fit: Fit, focus: tuple[float, float] = (0.5, 0.5)) -> Plan:
    """How to make a thumbnail; never larger than the picture.

    Args:
        whole: size of the picture.
        width: what is wanted; of one side that is missing the shape decides, or, with other fits, the other side.
        height: likewise.
        fit: ``contain`` shows all of it within the box, ``cover`` fills the box and cuts off what is too much,
            ``exact`` distorts it.
        focus: what to keep in the middle when cutting, as fractions of width and height.
    """
    everything = (0.0, 0.0, float(whole[0]), float(whole[1]))
    if fit == "contain":
        return Plan(whole, inside(whole, width, height), everything)
    wanted = width or height or whole[0], height or width or whole[1]
    if fit == "exact":
        return Plan(whole, (min(wanted[0], whole[0]), min(wanted[1], whole[1])), everything)
    scale = max(wanted[0] / whole[0], wanted[1] / whole[1])
    size = inside(wanted, *whole) if scale > 1 else wanted
    scale = max(size[0] / whole[0], size[1] / whole[1])
    part = min(whole[0], size[0] / scale), min(whole[1], size[1] / scale)
    left, top = (
        max(0.0, min(middle * side - length / 2, side - length))
        for middle, side, length in zip(focus, whole, part, strict=True)
    )
    return Plan(whole, size, (left, top, left + part[0], top + part[1]))


def attention(image: Image.Image) -> tuple[float, float]:
    """Where the picture draws the eye, as fractions of width and height: the middle of its edges and strong colours."""
    glance = plain(image).convert("RGB").resize(inside(image.size, _GLANCE, _GLANCE), LANCZOS, reducing_gap=2.0)
    if min(glance.size) < 5:
        return 0.5, 0.5
    edges = glance.convert("L").filter(ImageFilter.FIND_EDGES)
    colours = glance.convert("HSV").getchannel("S")
    # The filter leaves the border as it was: bright, but no edge.
    frame = (1, 1, glance.width - 1, glance.height - 1)
    interest = Image.blend(edges, colours, 0.3).crop(frame)
    across = interest.resize((interest.width, 1), Image.Resampling.BOX)
    down = interest.resize((1, interest.height), Image.Resampling.BOX)
    return _centre(across), _centre(down)


def _centre(profile: Image.Image) -> float:
    """The middle of what stands out in a line of pixels, as a fraction of its length."""
    values = list(profile.tobytes())
    calm = sorted(values)[len(values) // 2]
    weights = [max(0, value - calm) for value in values]
    total = sum(weights)
    if not total:
        return 0.5
    return sum((place + 0.5) * weight for place, weight in enumerate(weights)) / total / len(values)
