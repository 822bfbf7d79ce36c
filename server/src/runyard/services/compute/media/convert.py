"""From an opened picture to what is written in another format: as large and as colourful as is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from runyard.services.compute.media.animation import frames, moves, plays
from runyard.services.compute.media.colour import WHITE, Colour, plain
from runyard.services.compute.media.encode import Picture, Target, suited
from runyard.services.compute.media.geometry import LANCZOS, Size
from runyard.services.compute.media.image import Header
from runyard.services.compute.media.kept import Kept
from runyard.services.compute.plugin import MediaError

_FRAMES_IN_MEMORY: Final = 3
"""An animation may have this many times the pixels of a single picture: encoders want all its frames at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a picture becomes.

    Attributes:
        moving: whether an animation stays one, if the format can hold it.
    """

    target: Target
    size: Size
    srgb: bool = False
    background: Colour = WHITE
    moving: bool = True
    kept: Kept = field(default_factory=Kept)


def convert(header: Header, recipe: Recipe) -> Picture:
    """The picture as it is to be written.

    Raises:
        MediaError: it is damaged, or would become too large.
    """
    width, height = recipe.size
    limit = header.limits.pixels
    if width * height > limit:
        raise MediaError(
            f"{width} x {height} is too large for a picture here; the limit is {limit} pixels.", reason="too_large"
        )
    if not (recipe.moving and recipe.target.moves and moves(header)):
        return Picture(frames=[_made(header.decode(), recipe)], kept=recipe.kept)
    count = header.frames
    if width * height * count > limit * _FRAMES_IN_MEMORY:
        raise MediaError(
            f"{header.name!r} has {count} frames, too many for {width} x {height} pixels each: ask for a smaller "
            "'width', or the first frame only (animation=first).",
            reason="too_large",
        )
    made = [(_made(frame.image, recipe), frame.duration) for frame in frames(header)]
    return Picture(
        frames=_alike([image for image, _ in made]), durations=[duration for _, duration in made], plays=plays(header),
        kept=recipe.kept,
    )  # fmt: skip


def _made(image: Image.Image, recipe: Recipe) -> Image.Image:
    if image.size != recipe.size:
        # Sixteen bits and colour tables can't be blended.
        smooth = image if image.mode in recipe.target.modes - {"1", "P"} else plain(image)
        image = smooth.resize(recipe.size, LANCZOS, reducing_gap=3.0)
    return suited(image, recipe.target, srgb=recipe.srgb, background=recipe.background)


def _alike(images: list[Image.Image]) -> list[Image.Image]:
    """All with transparency if one has it: frames of one file are of one mode."""
    if len({image.mode for image in images}) == 1:
        return images
    return [image.convert("RGBA") for image in images]
