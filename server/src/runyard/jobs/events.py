"""How event bodies are kept: small ones as they are, larger ones with lz4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import lz4.block
import msgspec

from runyard.jobs.model import Event

CHUNK: Final = 64 * 1024
"""Most bytes of output in one log event."""

PLAIN, LZ4 = b"\x00", b"\x01"
WORTH_PACKING = 256

_encode = msgspec.msgpack.Encoder().encode
_records = msgspec.msgpack.Decoder(tuple[int, datetime, str, bytes])


def pack(body: bytes) -> bytes:
    """The stored form of a body."""
    if len(body) < WORTH_PACKING:
        return PLAIN + body
    return LZ4 + bytes(lz4.block.compress(body))


def unpack(stored: bytes) -> bytes:
    """The body of a stored form."""
    if stored[:1] == PLAIN:
        return stored[1:]
    return bytes(lz4.block.decompress(stored[1:]))


def write_archive(events: Iterable[Event]) -> Iterator[bytes]:
    """Encode events for an archive: length-prefixed msgpack records of (seq, at, type, stored body)."""
    for event in events:
        record = _encode((event.seq, event.at, event.type, pack(event.body)))
        yield len(record).to_bytes(4, "big") + record


class ArchiveReader:
    """Decodes an archive fed in pieces of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that ``piece`` completes."""
        rest = self._rest
        rest += piece
        start = 0
        while len(rest) - start >= 4:
            end = start + 4 + int.from_bytes(rest[start : start + 4], "big")
            if end > len(rest):
                break
            seq, at, kind, stored = _records.decode(bytes(rest[start + 4 : end]))
            yield Event(seq, at, kind, unpack(stored))
            start = end
        del rest[:start]
