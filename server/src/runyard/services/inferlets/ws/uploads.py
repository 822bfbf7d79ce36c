"""Programs and blobs that arrive in chunks: checked as they come and streamed to the store, never held whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from blake3 import blake3

from runyard.artifacts import ArtifactStore, Blob, TooLarge
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.surface import Surface
from runyard.services.inferlets.ws.requests import CHUNK

AT_ONCE: Final = 8
"""Uploads one connection may have under way."""

WAITING: Final = 4
"""Chunks that may wait for the store."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Whole:
    """An upload that is complete: where it is stored, and its BLAKE3."""

    blob: Blob
    digest: str


class Upload:
    """One content on its way to the store.

    Args:
        digest: its BLAKE3, as the client says.
        total: how many chunks there will be.
        limit: most bytes it may have.
        manifest: what its first chunk says of it.
        survey: looks at a program, given its file; that is done while the file is being stored.
    """

    def __init__(
        self, artifacts: ArtifactStore, *, digest: str, total: int, limit: int, manifest: str = "",
        survey: Callable[[BinaryIO], Coroutine[object, object, Surface]] | None = None,
    ) -> None:  # fmt: skip
        if not _DIGEST.fullmatch(digest):
            raise Denied(f"{digest!r:.80} is no BLAKE3 digest: 64 hex digits in lower case.", code="bad_hash")
        if total == 0:
            raise Denied("An upload has one chunk at least, if only an empty one.", code="bad_chunk")
        if (total - 1) * CHUNK >= limit:
            raise Denied(f"{total} chunks are more than the {limit} bytes allowed here.", code="too_large")
        self.manifest = manifest
        self._digest = digest
        self._total = total
        self._limit = limit
        self._next = 0
        self._seen = blake3()
        self._survey = survey
        self.surveyed: asyncio.Task[Surface] | None = None
        """What a program looks like, once that is known; None if nobody has looked."""

        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        put = artifacts.put(self._pieces(), limit=limit, also=self._seen.update, arrived=self._arrived)
        self._storing = asyncio.create_task(put, name=f"upload {digest}")

    async def add(self, index: int, total: int, content: bytes, *, digest: str) -> bool:
        """Take the next chunk; True if it is the last.

        Raises:
            Denied: it isn't the next one, or too large.
        """
        if len(content) > CHUNK:
            raise Denied(f"A chunk has {CHUNK} bytes at most, not {len(content)}.", code="too_large")
        if total != self._total or digest != self._digest:
            raise Denied(
                f"Chunk {index} belongs to another upload: it says {total} chunks and {digest!r:.80}, the first said "
                f"{self._total} and {self._digest!r}.", code="bad_chunk",
            )  # fmt: skip
        if index != self._next:
            raise Denied(f"Chunk {index} came where {self._next} was due. Begin anew.", code="bad_chunk")
        self._next += 1
        await self._hand_on(content)
        return self._next == self._total

    async def whole(self) -> Whole:
        """Store what is there.

        Raises:
            Denied: it isn't what its digest says, or too large.
        """
        await self._hand_on(None)
        try:
            blob = await self._storing
        except TooLarge:
            raise self._too_large() from None
        if (found := self._seen.hexdigest()) != self._digest:
            raise Denied(f"The content has the BLAKE3 {found!r}, not {self._digest!r}. Send it again.", code="bad_hash")
        return Whole(blob, self._digest)

    async def drop(self) -> None:
        """Forget it."""
        tasks = [self._storing] if self.surveyed is None else [self._storing, self.surveyed]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _arrived(self, file: Path) -> None:
        if self._survey is not None and self._seen.hexdigest() == self._digest:
            self.surveyed = asyncio.create_task(self._survey(file.open("rb")), name=f"survey of {self._digest}")
            self.surveyed.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _hand_on(self, content: bytes | None) -> None:
        """Give the store a chunk, or the word that there are no more; wait until it has room, or has given up."""
        if not self._waiting.full():
            self._waiting.put_nowait(content)
            return
        giving = asyncio.ensure_future(self._waiting.put(content))
        try:
            await asyncio.wait({giving, self._storing}, return_when=asyncio.FIRST_COMPLETED)
            if not giving.done():
                await self._storing  # it has failed
        except TooLarge:
            raise self._too_large() from None
        finally:
            giving.cancel()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while (content := await self._waiting.get()) is not None:
            yield content

    def _too_large(self) -> Denied:
        return Denied(f"It has more than the {self._limit} bytes allowed here.", code="too_large")
