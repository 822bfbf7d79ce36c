"""The plugin `media_thumbnail`: a small picture of an image or a video."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from runyard.services.compute.media.choices import Background, Quality, Side, colour
from runyard.services.compute.packages import requires
from runyard.services.compute.plugin import Parameters, Result, Task, plugin

BOX: Final = 256
"""Pixels a side when nothing is said."""

_FOCUS: Final = r"center|attention|(?:0(?:\.\d+)?|1(?:\.0+)?),(?:0(?:\.\d+)?|1(?:\.0+)?)"


class Thumbnailing(Parameters):
    """How large the thumbnail is, and what it shows."""

    width: Side | None = None
    height: Side | None = None
    maintain_aspect_ratio: Annotated[bool, Field(description="False is the same as `fit` exact.")] = True
    fit: Annotated[
        Literal["contain", "cover", "exact"],
        Field(description="All of it inside the box; the box filled, cutting off the rest; or distorted to the box."),
    ] = "contain"
    crop: Annotated[
        str,
        StringConstraints(pattern=f"^(?:{_FOCUS})$"),
        Field(description="With `cover`, what to show: `center`, `attention` or a point such as `0.3,0.7`."),
    ] = "center"
    format: Literal["jpg", "jpeg", "png", "webp"] = "jpg"
    quality: Quality = 85
    background: Background = "#ffffff"
    preview: Annotated[
        Literal["frame", "animated", "tiles"],
        Field(description="Of a video: its most telling frame, a moving WebP, or a sheet of 4 x 4 frames."),
    ] = "frame"
    seconds: Annotated[float, Field(ge=0.5, le=30, description="Length of the `animated` preview.")] = 3.0


class Thumbnail(Result):
    """The thumbnail. ``width`` and ``height`` are its own; ``frames`` is more than 1 if it moves."""

    media_type: Literal["image", "video"]
    thumbnail_path: str
    output_path: str
    width: int
    height: int
    frames: int = 1


def _output(params: Thumbnailing, _name: str) -> str:
    if params.preview == "animated":
        return "output/thumbnail.webp"
    return f"output/thumbnail.{'jpg' if params.format == 'jpeg' else params.format}"


@plugin("media_thumbnail", output=_output, missing=requires("PIL", "av"))
def media_thumbnail(task: Task[Thumbnailing]) -> Thumbnail:
    """Make a thumbnail of an image or a video."""
    from runyard.services.compute.media.encode import TARGETS, encode  # noqa: PLC0415  (loads the libraries)
    from runyard.services.compute.media.thumbnails import Wish, thumbnail  # noqa: PLC0415

    params, path = task.params, _output(task.params, task.name)
    box = (BOX, BOX) if params.width is None and params.height is None else (params.width, params.height)
    wish = Wish(
        target=TARGETS[path.rpartition(".")[2]],
        width=box[0],
        height=box[1],
        fit=params.fit if params.maintain_aspect_ratio else "exact",
        focus=_focus(params.crop),
        background=colour(params.background),
    )
    kind, picture = thumbnail(task, wish, preview=params.preview, seconds=params.seconds)
    task.output(path).write_bytes(encode(picture, wish.target, quality=params.quality))
    width, height = picture.size
    return Thumbnail(
        media_type=kind, thumbnail_path=path, output_path=path, width=width, height=height, frames=len(picture.frames)
    )


def _focus(crop: str) -> tuple[float, float] | None:
    """What to keep in the middle; None is for the picture to tell."""
    if crop in ("center", "attention"):
        return (0.5, 0.5) if crop == "center" else None
    across, down = crop.split(",")
    return float(across), float(down)
