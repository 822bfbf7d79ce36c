"""The plugin `image_conversion`: a picture in another format, size or weight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runyard.services.compute.media.choices import Background, Format, Quality, Side, colour, extension, stem
from runyard.services.compute.packages import requires
from runyard.services.compute.plugin import Parameters, Result, Task, plugin


class Conversion(Parameters):
    """What to make of the picture."""

    format: Format
    quality: Quality = 85
    width: Annotated[Side | None, Field(description="The picture fits inside; its shape stays.")] = None
    height: Annotated[Side | None, Field(description="The picture fits inside; its shape stays.")] = None
    upscale: Annotated[bool, Field(description="Whether a small picture is enlarged to the width and height.")] = False
    target_size: Annotated[
        int | None, Field(gt=0, description="Most bytes of the file; the quality is lowered as far as it takes.")
    ] = None
    metadata: Annotated[
        Literal["keep", "strip", "no_gps"], Field(description="EXIF and XMP; `no_gps` leaves out where it was taken.")
    ] = "strip"
    color: Annotated[
        Literal["keep", "srgb"], Field(description="Keep the colour profile, or convert to sRGB, which needs none.")
    ] = "keep"
    background: Background = "#ffffff"
    animation: Annotated[
        Literal["keep", "first"], Field(description="All frames, where the format can hold them, or the first.")
    ] = "keep"


class Converted(Result):
    """The new picture. ``quality`` is null where the format has none."""

    output_path: str
    format: str
    width: int
    height: int
    size: int
    quality: int | None
    frames: int


def _output(params: Conversion, name: str) -> str:
    return f"output/converted_{stem(name)}.{extension(params.format)}"


@plugin("image_conversion", output=_output, missing=requires("PIL"))
def image_conversion(task: Task[Conversion]) -> Converted:
    """Convert an image to another format, size or weight."""
    from runyard.services.compute.media.convert import Recipe, convert  # noqa: PLC0415  (loads the libraries)
    from runyard.services.compute.media.encode import TARGETS, encode_within  # noqa: PLC0415
    from runyard.services.compute.media.geometry import inside  # noqa: PLC0415
    from runyard.services.compute.media.image import open_header  # noqa: PLC0415
    from runyard.services.compute.media.kept import kept  # noqa: PLC0415

    params, target = task.params, TARGETS[extension(task.params.format)]
    with open_header(task) as header:
        size = inside(header.size, params.width, params.height, enlarge=params.upscale)
        picture = convert(
            header,
            Recipe(
                target=target, size=size, srgb=params.color == "srgb", background=colour(params.background),
                moving=params.animation == "keep", kept=kept(header.image, params.metadata, size),
            ),
        )  # fmt: skip
    task.progress(50, "encoding")
    content, quality = encode_within(picture, target, quality=params.quality, most=params.target_size)
    path = _output(params, task.name)
    task.output(path).write_bytes(content)
    return Converted(
        output_path=path, format=extension(params.format), width=size[0], height=size[1], size=len(content),
        quality=quality if target.lossy else None, frames=len(picture.frames),
    )  # fmt: skip
