"""Small pictures of large ones: of images, of moments of a video, of many moments on one sheet, moving."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from PIL import Image

from runyard.services.compute.media.animation import frames, moves, plays
from runyard.services.compute.media.colour import WHITE, Colour, plain
from runyard.services.compute.media.encode import Picture, Target, suited
from runyard.services.compute.media.geometry import Fit, Plan, Size, attention, plan
from runyard.services.compute.media.image import Header, open_header
from runyard.services.compute.media.sniff import identify
from runyard.services.compute.plugin import MediaError, P, Task

Kind = Literal["image", "video"]
Preview = Literal["frame", "animated", "tiles"]

TILES: Final = 16
"""Most pictures on a sheet."""

_FPS: Final = 10
_BEGIN: Final = 0.4
"""Where a preview begins, as a part of the video: past titles, before the end is given away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the thumbnail shall be.

    Attributes:
        focus: what to keep when cutting, as fractions of width and height; None is what draws the eye.
    """

    target: Target
    width: int | None
    height: int | None
    fit: Fit = "contain"
    focus: tuple[float, float] | None = (0.5, 0.5)
    background: Colour = WHITE

    def plan(self, whole: Size, image: Image.Image | None = None) -> Plan:
        """Sizes and cut for a picture of this size, and this look if it matters."""
        centre = self.focus or (0.5, 0.5)
        if self.must_look and image is not None:
            centre = attention(image)
        return plan(whole, self.width, self.height, self.fit, centre)

    @property
    def must_look(self) -> bool:
        """Whether the plan depends on what is to be seen."""
        return self.focus is None and self.fit == "cover"


def thumbnail(task: Task[P], wish: Wish, *, preview: Preview = "frame", seconds: float = 3.0) -> tuple[Kind, Picture]:
    """The thumbnail of whatever the task's file is.

    Args:
        task: the job.
        wish: what the thumbnail shall be.
        preview: of a video one moment, a part of it or a sheet of moments; of an animation its first frame or a part.
        seconds: length of that part.

    Raises:
        MediaError: the file is no picture, or damaged, or larger than the limits allow.
    """
    media = identify(task.input)
    if media.kind == "video":
        if preview == "animated":
            return "video", _part(task, wish, seconds)
        return "video", _sheet(task, wish) if preview == "tiles" else _moment(task, wish)
    if media.kind != "image":
        raise MediaError(f"{task.name!r} is {media.name}, not an image or a video.", reason="unsupported_media")
    with open_header(task) as header:
        if preview == "animated" and moves(header):
            return "image", _beginning(header, wish, seconds)
        return "image", _still(header, wish)


def _still(header: Header, wish: Wish) -> Picture:
    made = wish.plan(header.size)
    image = header.decode(at_least=made.at_least)
    if wish.must_look:
        made = wish.plan(header.size, image)
    return Picture(frames=[_small(image, made, wish)])


def _beginning(header: Header, wish: Wish, seconds: float) -> Picture:
    """The beginning of an animation."""
    made: Plan | None = None
    shown: list[Image.Image] = []
    durations: list[int] = []
    for frame in frames(header):
        made = made or wish.plan(header.size, frame.image)
        shown.append(_small(frame.image.convert("RGBA"), made, wish))
        durations.append(frame.duration)
        if sum(durations) >= seconds * 1000:
            break
    return Picture(frames=shown, durations=durations, plays=plays(header))


def _moment(task: Task[P], wish: Wish) -> Picture:
    """A moment of a video that is worth showing."""
    from runyard.services.compute.media.video import sample_frames  # noqa: PLC0415  (images do without its libraries)

    image = sample_frames(task, 1)[0]
    return Picture(frames=[_small(image, wish.plan(image.size, image), wish)])


def _sheet(task: Task[P], wish: Wish) -> Picture:
    """Moments of a video in rows, from the first to the last."""
    from runyard.services.compute.media.video import probe, sample_frames  # noqa: PLC0415

    info = probe(task)
    made = wish.plan((info.width, info.height))
    images = sample_frames(task, TILES, box=made.at_least)
    across = math.ceil(math.sqrt(len(images)))
    down = math.ceil(len(images) / across)
    tile = (max(1, made.size[0] // across), max(1, made.size[1] // across))
    sheet = Image.new("RGB", (tile[0] * across, tile[1] * down), wish.background)
    for place, image in enumerate(images):
        row, column = divmod(place, across)
        sheet.paste(replace(made, size=tile).apply(image), (column * tile[0], row * tile[1]))
    return Picture(frames=[suited(sheet, wish.target, srgb=True)])


def _part(task: Task[P], wish: Wish, seconds: float) -> Picture:
    """A part of a video, moving."""
    from runyard.services.compute.media.video import animation_frames, probe  # noqa: PLC0415

    info = probe(task)
    box = wish.plan((info.width, info.height)).at_least
    images = animation_frames(task, start=info.duration * _BEGIN, seconds=seconds, fps=_FPS, box=box)
    made = wish.plan(images[0].size, images[0])
    return Picture(frames=[_small(image, made, wish) for image in images], durations=[round(1000 / _FPS)] * len(images))


def _small(image: Image.Image, made: Plan, wish: Wish) -> Image.Image:
    # Colours last: there are the fewest pixels then.
    return suited(made.apply(plain(image)), wish.target, srgb=True, background=wish.background)
