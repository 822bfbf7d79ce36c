"""The `compute` service: a portrait and a short film, worked on by six plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image, ImageDraw
from rich.console import Console
from rich.text import Text

from cl_client import ComputeClient, JobResponse
from cl_client.server_config import ServerConfig
from demos.row import Row

PORTRAIT, FILM = "astronaut.jpg", "clip.mp4"
COLUMNS = 56
"""Width of the picture, in characters; each shows two pixels, one above the other."""

Output: TypeAlias = Mapping[str, Any]
Words: TypeAlias = Callable[[Output], str]

WORK: tuple[tuple[str, str, dict[str, object], Words], ...] = (
    ("hash", PORTRAIT, {}, lambda found: f"phash {found['phash']}, dhash {found['dhash']}"),
    ("face_detection", PORTRAIT, {}, lambda found: f"{found['num_faces']} face, {found['faces'][0]['confidence']:.1%}"),
    ("face_embedding", PORTRAIT, {}, lambda found: f"{found['num_faces']} x {found['embedding_dim']} numbers"),
    ("image_conversion", PORTRAIT, {"format": "avif"}, lambda found: f"AVIF, {found['size'] / 1024:.0f} KiB"),
    ("media_thumbnail", FILM, {"width": 160}, lambda found: f"{found['width']} x {found['height']} pixels"),
    ("hls_streaming", FILM, {}, lambda found: f"HLS, {found['variants_generated']} renditions"),
)  # fmt: skip


def rows(config: ServerConfig, media: Path) -> list[Row]:
    """A row for each plugin."""
    return [
        Row(
            service="compute",
            name=f"{plugin} {file}",
            good="completed",
            run=partial(run, config, plugin, media / file, params=params, words=words),
        )
        for plugin, file, params, words in WORK
    ]


def run(config: ServerConfig, plugin: str, file: Path, row: Row, *, params: dict[str, object], words: Words) -> None:
    """Have one plugin work on one file."""

    async def work() -> None:
        async with ComputeClient(server_config=config) as client:
            job = await client.submit(plugin, file, **params)
            row.job, row.state, row.link = job.id, "queued", f"{config.compute_url}/jobs/{job.id}"
            async for event in job.events():
                row.state, row.note = event.status, f"{event.progress} %"
            found = await job.record()
            row.state, row.note = found.status, found.error_message or ""
            row.result = "" if found.task_output is None else words(found.task_output)

    asyncio.run(work())


def picture(console: Console, config: ServerConfig, media: Path, rows: list[Row]) -> None:
    """Show the portrait with the faces that were found."""
    row = next(row for row in rows if row.name.startswith("face_detection"))

    async def look() -> JobResponse:
        async with ComputeClient(server_config=config) as client:
            return await client.get_job(row.job)

    output: Output = asyncio.run(look()).task_output or {"faces": []}
    with Image.open(media / PORTRAIT) as image:
        small = image.convert("RGB").resize((COLUMNS, COLUMNS), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(small)
    for face in output["faces"]:
        box = face["bbox"]
        pen.rectangle([box[side] * (COLUMNS - 1) for side in ("x1", "y1", "x2", "y2")], outline=(255, 80, 80))
    console.print(f"\n[bold]cl_client face-detection detect {PORTRAIT} --draw faces.jpg[/]")
    pixels = small.load()
    assert pixels is not None
    for y in range(0, COLUMNS - 1, 2):
        line = Text()
        for x in range(COLUMNS):
            line.append("▀", style=f"{_colour(pixels[x, y])} on {_colour(pixels[x, y + 1])}")
        console.print(line, no_wrap=True)


def _colour(pixel: Any) -> str:
    red, green, blue = pixel
    return f"#{red:02x}{green:02x}{blue:02x}"
