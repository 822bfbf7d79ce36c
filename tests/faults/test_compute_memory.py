"""What large pictures take, in every process of a running yard (invariant 5)."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil
from PIL import Image

from runyard.sizes import MIB
from runyard.testing.running import RunningYard

from .conftest import MEDIA_MEMORY, ended, media_processes, resident, submit

SERVER_GROWTH = 40 * MIB
"""What the API may take for many uploads and downloads."""

WORKER_GROWTH = 40 * MIB
"""What the worker may take: it moves files, and never decodes one."""

MEDIA_PEAK = 800 * MIB
"""What one media process may hold for a picture of 60 megapixels: four times its 180 million bytes, and itself."""

THUMBNAILS = 30
LOOK_EVERY = 0.02


async def test_many_large_pictures_take_a_bounded_amount_of_memory(
    media_yard: RunningYard, http: httpx.AsyncClient
) -> None:
    """Thirty thumbnails of 12 megapixels at once, and one picture of 60 converted beside them."""
    twelve, sixty = await asyncio.to_thread(jpeg, 4000, 3000), await asyncio.to_thread(jpeg, 10_000, 6000)
    await ended(http, await submit(http, "media_thumbnail", "first.jpg", twelve))
    with watched(media_yard) as peak:
        large = await submit(http, "image_conversion", "large.jpg", sixty, format="png")
        jobs = await asyncio.gather(
            *(submit(http, "media_thumbnail", f"{number}.jpg", twelve) for number in range(THUMBNAILS))
        )
        records = await asyncio.gather(*(ended(http, job) for job in (large, *jobs)))
    assert {record["status"] for record in records} == {"completed"}
    assert peak.server < SERVER_GROWTH
    assert peak.worker < WORKER_GROWTH
    assert 180 * MIB < peak.media < MEDIA_PEAK < MEDIA_MEMORY


@dataclass
class Peak:
    """Most bytes seen: of server and worker beyond what they had, of the media processes each."""

    server: int = 0
    worker: int = 0
    media: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, server: psutil.Process, worker: psutil.Process, yard: RunningYard) -> None:
        before = resident(server), resident(worker)
        while not self.over.wait(LOOK_EVERY):
            self.server = max(self.server, resident(server) - before[0])
            self.worker = max(self.worker, resident(worker) - before[1])
            self.media = max(self.media, *map(resident, media_processes(yard)), 0)


@contextmanager
def watched(yard: RunningYard) -> Iterator[Peak]:
    """The most that is used in the block."""
    peak = Peak()
    watcher = threading.Thread(target=peak.watch, args=(psutil.Process(yard.pid), yard.worker(), yard))
    watcher.start()
    try:
        yield peak
    finally:
        peak.over.set()
        watcher.join()


def jpeg(width: int, height: int) -> bytes:
    """A large photo of soft shades."""
    content = io.BytesIO()
    Image.effect_noise((width // 40, height // 40), 90).resize((width, height)).convert("RGB").save(content, "JPEG")
    return content.getvalue()
