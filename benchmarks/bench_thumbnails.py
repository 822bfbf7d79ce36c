"""Thumbnails of 200 photos of 12 megapixels through the whole yard, against Pillow alone in a pool of processes.

Between the two, to see what of the difference is HTTP's: a bare server that keeps each photo in a file and has Pillow's
pool work on it, with no job, queue, event, sandbox or stored result.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import httpx
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image, ImageOps

from cl_client import ComputeClient
from cl_client.server_config import ServerConfig
from runyard.testing.running import RunningYard

PHOTOS = 200
CONCURRENCY = 8
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


def bare_server(port: int) -> None:
    """Photos in, a word out."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-bench-"))

    def keep(path: Path, content: bytes) -> None:
        hashlib.sha256(content).digest()
        with path.open("xb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())

    @asynccontextmanager
    async def pool(app: FastAPI) -> AsyncIterator[None]:
        with ProcessPoolExecutor(os.cpu_count()) as app.state.pool:
            yield
        shutil.rmtree(folder)

    app = FastAPI(lifespan=pool)

    @app.post("/thumbnails")
    async def thumbnail(file: Annotated[UploadFile, File()]) -> None:
        path = folder / f"{uuid4().hex}.jpg"
        await asyncio.to_thread(keep, path, await file.read())
        await asyncio.get_running_loop().run_in_executor(app.state.pool, by_hand, path)

    uvicorn.run(app, port=port, log_level="warning", loop="uvloop", http="httptools")


async def through_a_bare_server(photos: list[Path]) -> float:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    several = asyncio.Semaphore(CONCURRENCY)

    async def ask(client: httpx.AsyncClient, path: Path) -> None:
        async with several:
            content = await asyncio.to_thread(path.read_bytes)
            (await client.post("/thumbnails", files={"file": (path.name, content)})).raise_for_status()

    with subprocess.Popen([sys.executable, __file__, str(port)]) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while True:
                try:
                    await asyncio.gather(*[ask(client, path) for path in photos[:8]])
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.1)
            start = time.perf_counter()
            await asyncio.gather(*[ask(client, path) for path in photos])
            took = time.perf_counter() - start
        process.terminate()
    return took


async def through_the_yard(yard: RunningYard, photos: list[Path]) -> float:
    config = ServerConfig(
        auth_url=yard.url, compute_url=yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port
    )
    async with ComputeClient(server_config=config) as client:
        async for _ in client.map("media_thumbnail", photos[:4], width=BOX[0], height=BOX[1]):
            pass  # the media processes are warm, as the pool's are
        start = time.perf_counter()
        async for job in client.map("media_thumbnail", photos, concurrency=CONCURRENCY, width=BOX[0], height=BOX[1]):
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
        bare = asyncio.run(through_a_bare_server(photos))
        ours = asyncio.run(through_the_yard(yard, photos))
    print(
        f"{PHOTOS} photos of 12 MP on {cores} cores: {PHOTOS / ours:.1f} a second through the yard, "
        f"{PHOTOS / hand:.1f} by Pillow in a pool: ratio {hand / ours:.2f}; "
        f"{PHOTOS / bare:.1f} through a bare server: {hand / bare:.2f} of Pillow, ratio {bare / ours:.2f}"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        bare_server(int(sys.argv[1]))
    else:
        main()
