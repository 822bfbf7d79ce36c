"""What clients are told, as the bytes of one frame. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from runyard.services.inferlets.frames import Stream
from runyard.services.inferlets.instances import Ending
from runyard.services.inferlets.words import Reason

PIECE: Final = 262_144
"""Most UTF-8 bytes of text in one frame for those who put pieces together again."""

LONGEST_FOR_ORIGINALS: Final = 900_000
"""The same for original clients, which take a mebibyte a frame and know no pieces."""

CODES: Final[Mapping[Reason, int]] = {
    "completed": 1, "aborted": 2, "exception": 3, "server_error": 4, "out_of_resources": 5,
}  # fmt: skip

EXITS: Final[Mapping[Reason, int]] = {
    "completed": 0, "aborted": 130, "exception": 1, "server_error": 70, "out_of_resources": 137,
}  # fmt: skip
"""Exit status of programs that gave none, in the shell's manner."""

Field: TypeAlias = "str | int | float | bool | bytes | Sequence[object] | Mapping[str, object] | None"

Extra: TypeAlias = Mapping[str, Field]
"""Keys behind the protocol's own, for clients that know Runyard's."""

ResultKind: TypeAlias = Literal["instance_launch_result", "instance_attach_result"]

_NONE: Final[Extra] = {}
_encode = msgspec.msgpack.Encoder().encode


def response(corr_id: int, result: str, *, successful: bool = True, extra: Extra = _NONE) -> bytes:
    """The answer to most requests."""
    return _message("response", {"corr_id": corr_id, "successful": successful, "result": result, **extra})


def result(kind: ResultKind, corr_id: int, message: str, *, successful: bool = True, extra: Extra = _NONE) -> bytes:
    """The answer to a launch or an attach."""
    return _message(kind, {"corr_id": corr_id, "successful": successful, "message": message, **extra})


def live_instances(corr_id: int, instances: Sequence[Mapping[str, object]], *, extra: Extra = _NONE) -> bytes:
    """The answer to a listing."""
    return _message("live_instances", {"corr_id": corr_id, "instances": instances, **extra})


def server_event(text: str) -> bytes:
    """Something that is no answer to a request that could be made out."""
    return _message("server_event", {"message": text})


class EventFrames:
    """Turns what an instance says into frames, for one client.

    Args:
        ours: it knows Runyard's extras: numbers of events, pieces, how an instance ended.
    """

    def __init__(self, instance: UUID, *, ours: bool) -> None:
        self._id = str(instance)
        self._ours = ours

    def said(self, seq: int, text: str) -> Iterator[bytes]:
        """A message."""
        return self._event(seq, 0, text)

    def printed(self, seq: int, stream: Stream, text: str) -> Iterator[bytes]:
        """Output, which may come in pieces of any length to anybody."""
        name = "Stdout" if stream == "stdout" else "Stderr"
        for piece, extra in self._cut(seq, text, PIECE):
            yield _message("streaming_output", {"instance_id": self._id, "output": {name: piece}, **extra})

    def ended(self, seq: int, ending: Ending) -> Iterator[bytes]:
        """The end."""
        code = EXITS[ending.reason] if ending.code is None else ending.code
        exit_ = {"code": code, "reason": ending.reason, "limit": ending.limit}
        return self._event(seq, CODES[ending.reason], ending.text, {"exit": exit_})

    def blob(self, seq: int, digest: str, index: int, total: int, content: bytes) -> bytes:
        """A chunk of a blob."""
        fields: Extra = {
            "corr_id": 0, "instance_id": self._id, "blob_hash": digest, "chunk_index": index, "total_chunks": total,
            "chunk_data": content, **self._number(seq),
        }  # fmt: skip
        return _message("download_blob", fields)

    def _event(self, seq: int, code: int, text: str, more: Extra = _NONE) -> Iterator[bytes]:
        pieces = list(self._cut(seq, text, PIECE if self._ours else LONGEST_FOR_ORIGINALS))
        for number, (piece, extra) in enumerate(pieces, 1):
            # An end comes once: originals get what is before its last piece as messages.
            shown = code if self._ours or number == len(pieces) else 0
            fields: Extra = {"instance_id": self._id, "event": shown, "message": piece, **extra}
            yield _message("instance_event", {**fields, **more} if self._ours else fields)

    def _cut(self, seq: int, text: str, most: int) -> Iterator[tuple[str, dict[str, Field]]]:
        """Pieces of a text with what tells those who know Runyard's extras that they belong together."""
        pieces = list(_pieces(text, most))
        for part, piece in enumerate(pieces):
            extra = self._number(seq)
            if self._ours and len(pieces) > 1:
                extra |= {"part": part, "parts": len(pieces)}
            yield piece, extra

    def _number(self, seq: int) -> dict[str, Field]:
        return {"seq": seq} if self._ours else {}


def _message(kind: str, fields: Extra) -> bytes:
    return _encode({"type": kind, **fields})


def _pieces(text: str, most: int) -> Iterator[str]:
    """Cut a text so that each piece has ``most`` bytes at most; an empty one is one piece."""
    if len(text) * 4 <= most:
        yield text
        return
    content = text.encode("utf-8", "replace")
    start = 0
    while True:
        end = min(start + most, len(content))
        while end < len(content) and content[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        yield content[start:end].decode()
        if end == len(content):
            return
        start = end
