"""One WebSocket and MessagePack, and nothing that a client library would add: what goes in is sent, what comes is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeAlias

import msgpack  # type: ignore[import-untyped]
from blake3 import blake3
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Message: TypeAlias = dict[str, Any]

CHUNK = 262_144
DEADLINE = 60.0
ENDS = range(1, 6)
"""Codes of events after which none follows."""

MODULE = b"\0asm\1\0\0\0"
NOBODY = "00000000-0000-4000-8000-000000000000"
"""Id of an instance that isn't."""


class Wire:
    """A connection. ``seen`` has every message that came, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Message] = []
        self._numbers = count(1)
        self._unread: list[Message] = []

    async def send(self, message: Mapping[str, object] | bytes | str) -> None:
        """Send a map as one binary frame; bytes and text as they are."""
        await self.socket.send(message if isinstance(message, bytes | str) else msgpack.packb(message))

    async def receive(self) -> Message:
        """The next message that nobody has read."""
        return self._unread.pop(0) if self._unread else await self._next()

    async def find(self, fits: Callable[[Message], bool]) -> Message:
        """The next unread message that fits; those before it stay unread."""
        for place, message in enumerate(self._unread):
            if fits(message):
                return self._unread.pop(place)
        while not fits(message := await self._next()):
            self._unread.append(message)
        return message

    async def answer(self, corr_id: int) -> Message:
        """The answer to a request."""
        return await self.find(lambda message: message.get("corr_id") == corr_id and message["type"] != "download_blob")

    async def ask(self, kind: str, **fields: object) -> Message:
        """Send a request under a number of its own, and give its answer."""
        number = next(self._numbers)
        await self.send({"type": kind, "corr_id": number, **fields})
        return await self.answer(number)

    async def upload(self, content: bytes, manifest: str = "", *, digest: str | None = None) -> Message:
        """Upload a program, the manifest in every chunk as of old."""
        number = next(self._numbers)
        for chunk in chunks(content):
            fields = {"program_hash": digest or blake3(content).hexdigest(), "manifest": manifest}
            await self.send({"type": "upload_program", "corr_id": number, **fields, **chunk})
        return await self.answer(number)

    async def blob(self, instance: str, content: bytes) -> Message:
        """Send a blob to an instance."""
        number = next(self._numbers)
        for chunk in chunks(content):
            fields = {"instance_id": instance, "blob_hash": blake3(content).hexdigest()}
            await self.send({"type": "upload_blob", "corr_id": number, **fields, **chunk})
        return await self.answer(number)

    async def launch(self, program: str, *arguments: str, detached: bool = False, **more: object) -> str:
        """Launch a program; its id."""
        asked = {"inferlet": program, "arguments": list(arguments), "detached": detached, **more}
        launched = await self.ask("launch_instance", **asked)
        assert launched["type"] == "instance_launch_result"
        assert launched["successful"], launched
        return str(launched["message"])

    async def run(self, content: bytes, *arguments: str, **more: object) -> str:
        """Upload a program and launch it; the instance's id."""
        uploaded = await self.upload(content)
        assert uploaded["successful"], uploaded
        return await self.launch(uploaded["result"], *arguments, **more)  # type: ignore[arg-type]

    async def signal(self, instance: str, message: str) -> None:
        """Send an instance a message; there is no answer."""
        await self.send({"type": "signal_instance", "instance_id": instance, "message": message})

    async def event(self, instance: str) -> Message:
        """What an instance says next."""
        return await self.find(lambda message: message.get("instance_id") == instance)

    async def story(self, instance: str) -> list[Message]:
        """All that an instance says from now on, its end included."""
        told = [await self.event(instance)]
        while not ends(told[-1]):
            told.append(await self.event(instance))
        return told

    async def ended(self, instance: str) -> Message:
        """The end of an instance."""
        return (await self.story(instance))[-1]

    async def ping(self) -> None:
        """Have the server answer."""
        answer = await self.ask("ping")
        assert (answer["type"], answer["successful"], answer["result"]) == ("response", True, "Pong")

    async def closed(self) -> int:
        """The code with which the server closes; what it says before can be read as ever."""
        try:
            while True:
                self._unread.append(await self._next())
        except ConnectionClosed as error:
            return 1006 if error.rcvd is None else error.rcvd.code

    async def _next(self) -> Message:
        async with asyncio.timeout(DEADLINE):
            frame = await self.socket.recv()
        assert isinstance(frame, bytes), frame
        message: Message = msgpack.unpackb(frame)
        self.seen.append(message)
        return message


@asynccontextmanager
async def wire(url: str, user: str | None = None, *, ours: bool = False, **options: Any) -> AsyncIterator[Wire]:
    """A connection; with a ``user``, who may come without a key, one that is let in.

    Args:
        ours: say that it knows Runyard's extras.
    """
    async with connect(url, **{"max_size": 1 << 26, **options}) as socket:
        opened = Wire(socket)
        if user is not None:
            answer = await opened.ask("identification", username=user, **({"runyard": 1} if ours else {}))
            assert answer["successful"], answer
            assert answer.get("runyard") == (1 if ours else None)
            assert answer["result"] == OPEN_DOOR
        yield opened


OPEN_DOOR = "Authenticated (Engine disabled authentication)"


def ends(message: Message) -> bool:
    """Whether an instance says no more after this."""
    return message["type"] == "instance_event" and message["event"] in ENDS


def chunks(content: bytes, size: int = CHUNK) -> Iterator[Message]:
    """The pieces of a program or a blob, as both directions have them; nothing is one piece of nothing."""
    total = max(1, -(-len(content) // size))
    for index in range(total):
        yield {
            "chunk_index": index,
            "total_chunks": total,
            "chunk_data": content[index * size : (index + 1) * size],
        }


def said(message: Message) -> tuple[object, object]:
    """What a message tells of an instance, in short."""
    if message["type"] == "streaming_output":
        ((stream, text),) = message["output"].items()
        return stream, text
    if message["type"] == "download_blob":
        return "Blob", message["chunk_data"]
    return message["event"], message["message"]
