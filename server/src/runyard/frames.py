"""How a worker and its processes in the sandbox talk: msgpack messages over pipes, each after its length.

Apart from the sandbox, for processes that must start quickly and need none of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import UnionType
from typing import BinaryIO, Final, Generic, TypeVar

import msgspec

Message = TypeVar("Message", bound=msgspec.Struct)

_LENGTH: Final = 4
"""Bytes that tell how many follow."""


class Frames(Generic[Message]):
    """The messages that go in one direction.

    Args:
        of: their type, or a union of tagged ones.
        longest: how many bytes one that isn't trusted may have.
    """

    def __init__(self, of: type[Message] | UnionType, *, longest: int) -> None:
        self._longest = longest
        self._decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(of)

    def pack(self, message: Message) -> bytes:
        """A message with its length in front."""
        body = _encode(message)
        return len(body).to_bytes(_LENGTH, "big") + body

    def read(self, stream: BinaryIO) -> Message | None:
        """The next message of a worker, which is trusted; None at the end. Blocks."""
        head = stream.read(_LENGTH)
        if len(head) < _LENGTH:
            return None
        return self._decoder.decode(stream.read(int.from_bytes(head, "big")))

    async def receive(self, stream: asyncio.StreamReader) -> Message:
        """The next message of a process, which is not trusted.

        Raises:
            ValueError, msgspec.DecodeError: the process doesn't keep to the protocol.
            asyncio.IncompleteReadError: it is gone.
        """
        length = int.from_bytes(await stream.readexactly(_LENGTH), "big")
        if length > self._longest:
            raise ValueError(f"a message of {length} bytes is longer than {self._longest}")
        return self._decoder.decode(await stream.readexactly(length))

    @contextmanager
    def sender(self, pipe: str) -> Iterator[Callable[[Message], None]]:
        """Sends whole messages into a named pipe. Blocks while the other side is slow; not for two threads at once."""
        with open(pipe, "wb", buffering=0) as outgoing:  # noqa: PTH123  (a pipe)

            def send(message: Message) -> None:
                rest = memoryview(self.pack(message))
                while rest:
                    rest = rest[os.write(outgoing.fileno(), rest) :]

            yield send


_encode: Final = msgspec.msgpack.Encoder().encode
