"""Server-sent events: an answer that goes on until its events end or its reader is gone.

Whatever is ready goes out in one write; a slow reader is waited for, one that has left is noticed at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runyard.database import DatabaseUnavailable

HEARTBEAT: Final = b": still here\n\n"
GOING_AWAY: Final = b"retry: 500\n: going away\n\n"
"""Said before a body ends because this process does: the stream goes on elsewhere."""

LOT: Final = 256 * 1024
"""Bytes that may wait for a reader before the source is made to wait."""


log = structlog.get_logger(__name__)


def frame(data: bytes, *, cursor: bytes | None = None, event: bytes | None = None) -> bytes:
    """One event.

    Args:
        data: without line breaks.
        cursor: its ``id:``, from which a reader who was cut off goes on.
        event: its type, if readers are to tell events apart by it.
    """
    head = b"" if cursor is None else b"id: %b\n" % cursor
    return b"%b%bdata: %b\n\n" % (head, b"" if event is None else b"event: %b\n" % event, data)


class EventStream(Response):
    """Sends pieces of an event stream as they come.

    When the database is gone in the middle, readers are told to ask again.

    Args:
        pieces: whole events or comments. The stream closes it, however it ends.
    """

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncGenerator[bytes], *, headers: Mapping[str, str] | None = None) -> None:
        self._pieces = pieces
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer to its end, or until the reader hangs up."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        outbox = _Outbox()
        filling = asyncio.create_task(outbox.fill(self._pieces), name="event stream")
        watching = asyncio.create_task(_until_gone(receive, outbox), name="reader of an event stream")
        try:
            while lot := await outbox.take():
                await send({"type": "http.response.body", "body": lot, "more_body": True})
            if filling.done():
                filling.result()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for task in (filling, watching):
                task.cancel()
            await asyncio.gather(filling, watching, return_exceptions=True)


class _Outbox:
    """What is ready and not yet sent."""

    def __init__(self) -> None:
        self._ready = bytearray()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False

    async def fill(self, pieces: AsyncGenerator[bytes]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    self._ready += piece
                    self._news.set()
                    if len(self._ready) >= LOT:
                        self._room.clear()
                        await self._room.wait()
        except DatabaseUnavailable as error:
            log.warning("stream_broken_off", error=str(error))
            self._ready += GOING_AWAY
        finally:
            self.end()

    async def take(self) -> bytes:
        """All that is ready, as soon as there is something; nothing at the end."""
        while not self._ready and not self._ended:
            self._news.clear()
            await self._news.wait()
        lot = bytes(self._ready)
        self._ready.clear()
        self._room.set()
        return lot

    def end(self) -> None:
        self._ended = True
        self._news.set()


async def _until_gone(receive: Receive, outbox: _Outbox) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of a body that was answered early
    outbox.end()
