"""Thumbnails of 200 photos of 12 megapixels through the whole yard, against Pillow alone in a pool of processes."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from cl_client import ComputeClient
from cl_client.server_config import ServerConfig
from runyard.testing.running import RunningYard

PHOTOS = 200
BOX = (256, 256)


def make(folder: Path, number: int) -> None:
    """A photo-like picture: smooth areas with grain, about 4 MB as a JPEG."""
    chance = random.Random(number)
    size = (4000, 3000)
    base = Image.radial_gradient("L").resize(size).rotate(chance.uniform(0, 90))
    grain = Image.effect_noise(size, 24)
    picture = Image.merge("RGB", [Image.blend(base, grain, 0.3), base, Image.blend(grain, base, 0.6)])
    picture.save(folder / f"{number:03}.jpg", quality=88)


def by_hand(path: Path) -> None:
    """What Pillow's own documentation does: decode at a smaller scale, shrink, save."""
    with Image.open(path) as image:
        image.thumbnail(BOX, Image.Resampling.LANCZOS)
        ImageOps.exif_transpose(image).save(path.with_suffix(".thumb.jpg"))


async def through_the_yard(yard: RunningYard, photos: list[Path]) -> float:
    config = ServerConfig(
        auth_url=yard.url, compute_url=yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port
    )
    async with ComputeClient(server_config=config) as client:
        async for _ in client.map("media_thumbnail", photos[:4], width=BOX[0], height=BOX[1]):
            pass  # the media processes are warm, as the pool's are
        start = time.perf_counter()
        async for job in client.map("media_thumbnail", photos, concurrency=8, width=BOX[0], height=BOX[1]):
            assert job.status == "completed", job.error_message
        return time.perf_counter() - start


def main() -> None:
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(cores) as pool, RunningYard() as yard:
        folder = Path(name)
        list(pool.map(make, [folder] * PHOTOS, range(PHOTOS)))
        photos = sorted(folder.glob("*.jpg"))
        list(pool.map(by_hand, photos[:4]))
        start = time.perf_counter()
        list(pool.map(by_hand, photos, chunksize=4))
        hand = time.perf_counter() - start
        ours = asyncio.run(through_the_yard(yard, photos))
    print(
        f"{PHOTOS} photos of 12 MP on {cores} cores: {PHOTOS / ours:.1f} a second through the yard, "
        f"{PHOTOS / hand:.1f} by Pillow in a pool; ratio {hand / ours:.2f}"
    )


if __name__ == "__main__":
    main()
