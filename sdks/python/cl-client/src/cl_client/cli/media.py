"""The commands of the nine plugins, and `run` for any other: what each takes, and what it asks of its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .inputs import ANYTHING, IMAGES, MEDIA, VIDEOS
from .media_command import media_command
from .order import Wishes

_Background = Annotated[
    str | None, typer.Option(metavar="COLOR", help="Below transparent pixels.", show_default="#ffffff")
]
_Confidence = Annotated[
    float | None,
    typer.Option(
        "--confidence-threshold", min=0, max=1, help="How sure it has to be that it is a face.", show_default="0.7"
    ),
]
_Normalize = Annotated[
    bool | None,
    typer.Option("--normalize/--no-normalize", help="Scale the vectors to length 1.", show_default="normalize"),
]
_Quality = Annotated[
    int | None, typer.Option("--quality", "-q", min=1, max=100, help="Of lossy formats.", show_default="85")
]
_Variant = Annotated[
    list[str],
    typer.Option(
        "--variant", metavar="HEIGHT:KBPS", help="A rendition, such as 720:3500.", show_default="the server's"
    ),
]

clip = typer.Typer(help="Embed pictures: 512 numbers, alike where the meaning is.", no_args_is_help=True)
dino = typer.Typer(help="Embed pictures: 384 numbers, alike where the looks are.", no_args_is_help=True)
exif = typer.Typer(help="Read what cameras write into photos.", no_args_is_help=True)
faces = typer.Typer(help="Find faces.", no_args_is_help=True)
face_embedding = typer.Typer(help="Embed faces: numbers that are alike for the same person.", no_args_is_help=True)
hashes = typer.Typer(help="Digests, and perceptual hashes that are alike for like pictures.", no_args_is_help=True)
hls = typer.Typer(help="Make videos ready for adaptive streaming.", no_args_is_help=True)
conversion = typer.Typer(help="Convert pictures to another format or size.", no_args_is_help=True)
thumbnail = typer.Typer(help="Make thumbnails of pictures and videos.", no_args_is_help=True)


def add_media_commands(app: typer.Typer) -> None:
    """Add a group for each plugin, and `run`."""
    for name, group in (
        ("clip-embedding", clip),
        ("dino-embedding", dino),
        ("exif", exif),
        ("face-detection", faces),
        ("face-embedding", face_embedding),
        ("hash", hashes),
        ("hls-streaming", hls),
        ("image-conversion", conversion),
        ("media-thumbnail", thumbnail),
    ):
        app.add_typer(group, name=name, rich_help_panel="Plugins")
    app.command("run", rich_help_panel="Plugins")(_run)


@clip.command("embed")
@media_command("clip_embedding", takes=IMAGES, metavar="IMAGE", timeout=60)
def _clip(*, normalize: _Normalize = None) -> Wishes:
    """Embed pictures with CLIP; -o saves the vectors as .npy files."""
    return Wishes(params={"normalize": normalize})


@dino.command("embed")
@media_command("dino_embedding", takes=IMAGES, metavar="IMAGE", timeout=60)
def _dino(*, normalize: _Normalize = None) -> Wishes:
    """Embed pictures with DINO; -o saves the vectors as .npy files."""
    return Wishes(params={"normalize": normalize})


@exif.command("extract")
@media_command("exif", takes=MEDIA, metavar="IMAGE", timeout=30)
def _exif(
    *,
    tags: Annotated[str | None, typer.Option(metavar="NAME,...", help="Only these.", show_default="all tags")] = None,
) -> Wishes:
    """Show camera, time, place and exposure; -o saves all tags as .json."""
    return Wishes(params={"tags": tags})


@faces.command("detect")
@media_command("face_detection", takes=IMAGES, metavar="IMAGE", timeout=30)
def _faces(
    *,
    confidence_threshold: _Confidence = None,
    nms_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Overlap that makes two boxes one.", show_default="0.4")
    ] = None,
    draw: Annotated[
        str | None,
        typer.Option(
            "--draw",
            metavar="PATH",
            help="Draw boxes, landmarks and scores on a copy; a folder for several.",
            show_default=False,
        ),
    ] = None,
) -> Wishes:
    """Find faces, with their places and scores."""
    return Wishes(params={"confidence_threshold": confidence_threshold, "nms_threshold": nms_threshold}, draw=draw)


@face_embedding.command("embed")
@media_command("face_embedding", takes=IMAGES, metavar="IMAGE", timeout=60)
def _face_embedding(*, confidence_threshold: _Confidence = None, normalize: _Normalize = None) -> Wishes:
    """Embed each face of a picture; -o saves the vectors as .npy files."""
    return Wishes(params={"confidence_threshold": confidence_threshold, "normalize": normalize})


@hashes.command("compute")
@media_command("hash", takes=ANYTHING, metavar="IMAGE", timeout=30)
def _hash(
    *,
    algorithm: Annotated[
        Literal["sha512", "sha256", "md5"] | None, typer.Option(help="Digest.", show_default="sha512")
    ] = None,
) -> Wishes:
    """Compute digests of any file, and perceptual hashes of pictures and videos."""
    return Wishes(params={"algorithm": algorithm})


@hls.command("generate-manifest")
@media_command("hls_streaming", takes=VIDEOS, metavar="VIDEO", timeout=120)
def _hls(
    *,
    segment_duration: Annotated[
        int | None, typer.Option(min=1, max=10, help="Seconds of each segment.", show_default="2")
    ] = None,
    variant: _Variant = [],  # noqa: B006 - typer makes a new list each time
    include_original: Annotated[bool, typer.Option("--include-original", help="Add the video as it is.")] = False,
    upscale: Annotated[bool, typer.Option("--upscale", help="Make renditions larger than the video, too.")] = False,
    segment_format: Annotated[
        Literal["ts", "fmp4"] | None, typer.Option(help="Kind of the segments.", show_default="ts")
    ] = None,
) -> Wishes:
    """Make playlists and segments; -o FOLDER downloads the whole ladder."""
    return Wishes(
        params={
            "segment_duration": segment_duration,
            "variants": [_rendition(text) for text in variant] or None,
            "include_original": include_original or None,
            "upscale": upscale or None,
            "segment_format": segment_format,
        }
    )


@conversion.command("convert")
@media_command("image_conversion", takes=IMAGES, metavar="IMAGE", timeout=60)
def _convert(
    *,
    target: Annotated[
        Literal["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff", "avif"],
        typer.Option("--format", "--output-format", "-f", help="The new format.", show_default=False),
    ],
    quality: _Quality = None,
    width: Annotated[int | None, typer.Option(min=1, help="Fit into so many pixels.", show_default=False)] = None,
    height: Annotated[int | None, typer.Option(min=1, help="Fit into so many pixels.", show_default=False)] = None,
    target_size: Annotated[
        int | None, typer.Option(min=1, metavar="BYTES", help="Lower the quality to get there.", show_default=False)
    ] = None,
    metadata: Annotated[
        Literal["keep", "strip", "no_gps"] | None, typer.Option(help="EXIF and XMP.", show_default="strip")
    ] = None,
    color: Annotated[
        Literal["keep", "srgb"] | None, typer.Option(help="Keep the colour profile, or convert.", show_default="keep")
    ] = None,
    background: _Background = None,
    animation: Annotated[
        Literal["keep", "first"] | None, typer.Option(help="All frames, or the first.", show_default="keep")
    ] = None,
    upscale: Annotated[bool, typer.Option("--upscale", help="Enlarge small pictures, too.")] = False,
) -> Wishes:
    """Convert pictures; -o saves them."""
    return Wishes(
        params={
            "format": target, "quality": quality, "width": width, "height": height, "target_size": target_size,
            "metadata": metadata, "color": color, "background": background, "animation": animation,
            "upscale": upscale or None,
        }
    )  # fmt: skip


@thumbnail.command("generate")
@media_command("media_thumbnail", takes=MEDIA, metavar="MEDIA", timeout=60, short_watch=False)
def _thumbnail(
    *,
    width: Annotated[int, typer.Option("--width", "-w", min=1, help="Pixels.", show_default=False)],
    height: Annotated[int, typer.Option("--height", "-h", min=1, help="Pixels.", show_default=False)],
    maintain_aspect_ratio: Annotated[
        bool | None,
        typer.Option(
            "--maintain-aspect-ratio/--exact", help="Fit inside, or stretch.", show_default="maintain-aspect-ratio"
        ),
    ] = None,
    fit: Annotated[
        Literal["contain", "cover", "exact"] | None,
        typer.Option(help="All of it inside, the box filled, or stretched.", show_default="contain"),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE", help="What `cover` shows: center, attention, or X,Y from 0 to 1.", show_default="center"
        ),
    ] = None,
    target: Annotated[
        Literal["jpg", "jpeg", "png", "webp"] | None,
        typer.Option("--format", "-f", help="Format of the thumbnail.", show_default="jpg"),
    ] = None,
    quality: _Quality = None,
    background: _Background = None,
    preview: Annotated[
        Literal["frame", "animated", "tiles"] | None,
        typer.Option(help="Of a video: a frame, a moving picture, or 4 x 4 frames.", show_default="frame"),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.5, max=30, help="Length of a moving preview.", show_default="3")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", metavar="FILE", help="Lay all of them out on one picture.", show_default=False),
    ] = None,
) -> Wishes:
    """Make thumbnails; -o saves them."""
    return Wishes(
        params={
            "width": width, "height": height, "maintain_aspect_ratio": maintain_aspect_ratio, "fit": fit, "crop": crop,
            "format": target, "quality": quality, "background": background, "preview": preview, "seconds": seconds,
        },
        sheet=sheet,
    )  # fmt: skip


@media_command("", takes=ANYTHING, metavar="FILE", timeout=60)
def _run(
    *,
    plugin: Annotated[str, typer.Argument(help="One that `cl_client plugins` lists.", show_default=False)],
    settings: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the plugin.", show_default=False)
    ] = [],  # noqa: B006
) -> Wishes:
    """Run any plugin the server has, with parameters by name."""
    return Wishes(plugin=plugin.replace("-", "_"), params=dict(_assignment(text) for text in settings))


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is no assignment; write it like NAME=VALUE", param_hint="--set")
    return name, value


def _rendition(text: str) -> dict[str, int]:
    """`720:3500` as the server takes it."""
    resolution, _, bitrate = text.partition(":")
    if not (resolution.isdecimal() and bitrate.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no rendition; write it like 720:3500", param_hint="--variant")
    return {"resolution": int(resolution), "bitrate": int(bitrate)}
