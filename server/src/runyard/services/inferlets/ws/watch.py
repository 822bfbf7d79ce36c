"""Follows one instance for one client: reads its log and tells what the program says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final
from uuid import UUID

from runyard.jobs import Event, EventsExpired, JobNotFound
from runyard.services.inferlets.instances import Ending, Gave, Printed, Said, ending, read_event
from runyard.services.inferlets.ws.answers import EventFrames
from runyard.services.inferlets.ws.cursors import Cursors
from runyard.services.inferlets.ws.requests import CHUNK
from runyard.yard import Yard

LOOK: Final = 30.0
"""Seconds of silence after which the log is looked at without being told of news."""

SAVE: Final = 1.0
"""Seconds between two notes of where a client is that doesn't know it itself, in case this process dies."""


class Watch:
    """One client's view of one instance.

    Args:
        after: number of the last event that the client has.
        send: sends a frame, and waits while the client is behind.
        before_end: waits until the client may be told of the end.
        ours: the client knows Runyard's extras.
    """

    def __init__(
        self,
        yard: Yard,
        cursors: Cursors,
        instance: UUID,
        *,
        after: int,
        send: Callable[[bytes], Awaitable[None]],
        before_end: Callable[[], Awaitable[None]],
        ours: bool,
    ) -> None:
        self._yard = yard
        self._cursors = cursors
        self._instance = instance
        self._send = send
        self._before_end = before_end
        self._frames = EventFrames(instance, ours=ours)
        self._ours = ours
        self._clock = asyncio.get_running_loop().time
        self._saved_at = self._clock()
        self._first = self._told = after
        self.over = False
        """Whether the client was told of the end."""

    async def run(self) -> None:
        """Tell everything up to the end, or until the client or this process goes."""
        try:
            async for event in self._yard.tails.follow(self._instance, self._told, idle=LOOK):
                if event is not None:
                    await self._tell(event)
                    self._told = event.seq
                    await self._note()
            if not self.over and not self._yard.tails.closing.is_set():
                await self._tell_again()
        except (JobNotFound, EventsExpired) as error:
            lost = Ending(reason="server_error", text=f"What it said is not kept any more: {error}")
            await self._tell_end(self._told, lost)
        finally:
            if self._told > self._first or self.over:
                await self._cursors.save(self._instance, self._told, over=self.over)

    async def _note(self) -> None:
        if not self._ours and self._clock() >= self._saved_at + SAVE:
            await self._cursors.save(self._instance, self._told, over=self.over)
            self._saved_at = self._clock()

    async def _tell(self, event: Event) -> None:
        match read_event(event):
            case Said(text):
                await self._pass_on(self._frames.said(event.seq, text))
            case Printed(stream, content):
                await self._pass_on(self._frames.printed(event.seq, stream, content.decode(errors="replace")))
            case Gave() as blob:
                await self._give(event.seq, blob)
            case None if event.ends_job:
                found = ending(await self._yard.jobs.get(self._instance))
                assert found is not None
                await self._tell_end(event.seq, found)
            case None:
                pass

    async def _tell_again(self) -> None:
        """Tell those of the end who have been told before, and still wait for one."""
        job = await self._yard.jobs.get(self._instance)
        if (found := ending(job)) is not None:
            await self._tell_end(job.last_seq, found)

    async def _tell_end(self, seq: int, found: Ending) -> None:
        await self._before_end()
        await self._pass_on(self._frames.ended(seq, found))
        self.over = True

    async def _pass_on(self, frames: Iterator[bytes]) -> None:
        for frame in frames:
            await self._send(frame)

    async def _give(self, seq: int, blob: Gave) -> None:
        total = max(1, -(-blob.size // CHUNK))
        index = 0
        async for chunk in chunks(self._yard.artifacts.read(blob.sha256)):
            await self._send(self._frames.blob(seq, blob.blake3, index, total, chunk))
            index += 1


async def chunks(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in chunks of the protocol's size; nothing is one empty chunk."""
    rest = bytearray()
    sent = False
    async for piece in content:
        rest += piece
        while len(rest) > CHUNK:
            yield bytes(rest[:CHUNK])
            del rest[:CHUNK]
            sent = True
    if rest or not sent:
        yield bytes(rest)
