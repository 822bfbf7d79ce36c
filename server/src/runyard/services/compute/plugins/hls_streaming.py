"""The plugin `hls_streaming`: a video as a ladder of renditions that every browser and phone can play."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import from_json

from runyard.services.compute.packages import requires
from runyard.services.compute.plugin import MediaError, Parameters, Result, Task, plugin

FOLDER: Final = "output"
_WRITTEN: Final = 95
"""Percent when all is written and has to be checked."""
_WHOLE: Final = 0.9
"""Part of its length that a video must really have; what has less was cut off."""


class Variant(BaseModel):
    """A rendition to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resolution: Annotated[int, Field(ge=48, le=4320, description="Height of the picture in pixels.")]
    bitrate: Annotated[int, Field(ge=100, le=100_000, description="kbit/s of the picture.")]


def _parsed(value: object) -> object:
    """Forms carry it as JSON."""
    return from_json(value) if isinstance(value, str) else value


class Streaming(Parameters):
    """Which renditions to make, and how to cut them up."""

    variants: Annotated[
        tuple[Variant, ...],
        BeforeValidator(_parsed),
        Field(min_length=1, max_length=8, description="As JSON. What is larger than the video is left out, never all."),
    ] = (Variant(resolution=720, bitrate=3500), Variant(resolution=480, bitrate=1500))
    include_original: Annotated[
        bool, Field(description="Offer the video as it is too, if every player can show it: upright H.264.")
    ] = False
    upscale: Annotated[bool, Field(description="Whether renditions may be larger than the video.")] = False
    segment_duration: Annotated[int, Field(ge=1, le=10, description="Seconds of a segment.")] = 2
    segment_format: Annotated[Literal["ts", "fmp4"], Field(description="MPEG transport stream, or fragmented MP4.")] = (
        "ts"
    )


class Written(BaseModel):
    """A rendition that was made. ``bitrate`` is what was asked for in kbit/s, null for the original."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resolution: int
    width: int
    height: int
    bitrate: int | None
    bandwidth: int
    codecs: str
    playlist: str
    segments: int


class Manifest(Result):
    """The ladder. Paths are those of the job's files; ``include_original`` says whether the original is part of it."""

    master_playlist: str
    manifest_path: str
    variants_generated: int
    total_segments: int
    include_original: bool
    variants: list[Written]
    duration: float


@plugin("hls_streaming", output=FOLDER, missing=requires("av", "imageio_ffmpeg", "PIL"))
def hls_streaming(task: Task[Streaming]) -> Manifest:
    """Make a video ready for streaming: renditions of several sizes, and the playlists that name them."""
    from runyard.services.compute.media import hls  # noqa: PLC0415  (loads the libraries)
    from runyard.services.compute.media.ffmpeg import FFmpegFailed, run_ffmpeg  # noqa: PLC0415
    from runyard.services.compute.media.video import probe  # noqa: PLC0415

    params, info = task.params, probe(task)
    rungs = hls.ladder(info, ((one.resolution, one.bitrate) for one in params.variants), upscale=params.upscale)
    if params.include_original and (kept := hls.original(info)) is not None:
        rungs.append(kept)
    hls.check_size(info, rungs, task.input, task.limits)
    packaging = hls.Packaging(seconds=params.segment_duration, format=params.segment_format)
    folder = task.output(f"{FOLDER}/{hls.MASTER}").parent

    try:
        seconds = run_ffmpeg(
            hls.orders(task.input, info, rungs, packaging, task.limits),
            folder,
            progress=lambda written: task.progress(int(_WRITTEN * written / max(info.duration, 0.001)), "encoding"),
        )
    except FFmpegFailed as error:
        if error.code < 0:
            raise
        raise MediaError(f"{task.name!r} can't be converted: {error}") from error
    if seconds < _WHOLE * info.duration - 1:
        raise MediaError(
            f"{task.name!r} breaks off after {seconds:.1f} of {info.duration:.1f} seconds. Is it complete?"
        )

    renditions = [hls.read_rendition(folder, rung, info) for rung in rungs]
    (folder / hls.MASTER).write_text(hls.master_playlist(renditions, packaging), encoding="utf-8")
    return Manifest(
        master_playlist=f"{FOLDER}/{hls.MASTER}",
        manifest_path=f"{FOLDER}/{hls.MASTER}",
        variants_generated=sum(rung.bitrate is not None for rung in rungs),
        total_segments=sum(len(one.segments) for one in renditions),
        include_original=any(rung.bitrate is None for rung in rungs),
        variants=[
            Written(
                resolution=one.rung.resolution, width=one.rung.width, height=one.rung.height, bitrate=one.rung.bitrate,
                bandwidth=one.bandwidth, codecs=one.codecs, playlist=f"{FOLDER}/{one.rung.playlist}",
                segments=len(one.segments),
            )
            for one in renditions
        ],
        duration=round(renditions[0].duration, 3),
    )  # fmt: skip
