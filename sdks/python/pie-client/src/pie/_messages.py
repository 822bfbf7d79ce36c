"""Bytes to messages and back: one MessagePack map per binary frame, told apart by `type`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar, cast

import msgpack  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from .errors import ProtocolError
from .events import LAST_CODE, Event, Exit, InstanceInfo

Plain: TypeAlias = "str | int | float | bool | bytes | list[str] | Mapping[str, int | float] | None"
"""What a field of a request may be."""

_T = TypeVar("_T")
_pack = cast("Callable[..., bytes]", msgpack.packb)  # pyright: ignore[reportUnknownMemberType]
_unpack = cast("Callable[..., object]", msgpack.unpackb)  # pyright: ignore[reportUnknownMemberType]

_U32: Final = 2**32 - 1
_U64: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `result` is what it asked for, or the text of an error.

    Attributes:
        code: a stable word for a failure, from Runyard servers.
        instances: the records of `live_instances`.
        cursor: where the list goes on, or None.
        seq: the event after which an attached instance goes on, or None.
        ours: whether the server is a Runyard server.
        domain: what a signature is to be good for, and for nothing else, or None.
    """

    corr_id: int
    successful: bool
    result: str
    code: str | None = None
    instances: tuple[InstanceInfo, ...] = ()
    cursor: str | None = None
    seq: int | None = None
    ours: bool = False
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An event of an instance, or a piece of one. `seq` is None from original servers."""

    instance_id: str
    event: Event
    text: str
    seq: int | None = None
    part: int = 0
    parts: int = 1
    exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a blob that an instance sends."""

    instance_id: str
    blob_hash: str
    index: int
    total: int
    content: bytes
    seq: int | None = None


Incoming: TypeAlias = "Answer | Said | Chunk"


class Malformed(ProtocolError):
    """A message of a known type that is not what it should be.

    Attributes:
        corr_id: which request it answers, or None.
        instance_id: which instance it is about, or None.
    """

    def __init__(self, message: str, *, corr_id: int | None = None, instance_id: str | None = None) -> None:
        super().__init__(message)
        self.corr_id = corr_id
        self.instance_id = instance_id


def encode(kind: str, fields: Mapping[str, Plain]) -> bytes:
    """A request as the bytes of one frame."""
    return _pack({"type": kind, **fields})


def decode(frame: bytes) -> Incoming | None:
    """The message in a frame; None for one of a type that this client doesn't know.

    Raises:
        Malformed: it is none.
    """
    try:
        unpacked = _unpack(frame)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"A frame of {len(frame)} bytes is no MessagePack: {error}") from error
    if not isinstance(unpacked, dict):
        raise Malformed(f"A message is a map, not {type(unpacked).__name__}")
    fields = _Fields(cast("dict[object, object]", unpacked))
    read = _READERS.get(fields.text("type"))
    return None if read is None else read(fields)


class _Fields:
    """A message's fields, each checked as it is read."""

    def __init__(self, fields: Mapping[object, object]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        return self._require(name, str)

    def flag(self, name: str) -> bool:
        return self._require(name, bool)

    def content(self, name: str) -> bytes:
        return self._require(name, bytes)

    def integer(self, name: str) -> int:
        value = self._require(name, int)
        if isinstance(value, bool):
            raise self.wrong(name)
        return value

    def number(self, name: str, most: int = _U64) -> int:
        value = self.integer(name)
        if not 0 <= value <= most:
            raise self.wrong(name)
        return value

    def number_or_none(self, name: str) -> int | None:
        return None if self._fields.get(name) is None else self.number(name)

    def number_or(self, name: str, default: int) -> int:
        number = self.number_or_none(name)
        return default if number is None else number

    def text_or_none(self, name: str) -> str | None:
        return None if self._fields.get(name) is None else self.text(name)

    def inner(self, name: str) -> _Fields | None:
        if self._fields.get(name) is None:
            return None
        return _Fields(cast("dict[object, object]", self._require(name, dict)))

    def items(self, name: str) -> list[object]:
        return cast("list[object]", self._require(name, list))

    def only_key(self) -> str:
        (key,) = self._fields if len(self._fields) == 1 else ("",)
        return key if isinstance(key, str) else ""

    def wrong(self, name: str) -> Malformed:
        corr_id, instance_id = self._fields.get("corr_id"), self._fields.get("instance_id")
        kind = self._fields.get("type", "a record")
        what = f"{self._fields[name]!r:.80}" if name in self._fields else "missing"
        return Malformed(
            f"The server's message is malformed: {name!r} of {kind!r} is {what}",
            corr_id=corr_id if isinstance(corr_id, int) else None,
            instance_id=instance_id if isinstance(instance_id, str) else None,
        )

    def _require(self, name: str, kind: type[_T]) -> _T:
        value = self._fields.get(name)
        if not isinstance(value, kind):
            raise self.wrong(name)
        return value


def _answer(fields: _Fields) -> Answer:
    """`response`."""
    return Answer(
        fields.number("corr_id", _U32),
        fields.flag("successful"),
        fields.text("result"),
        fields.text_or_none("code"),
        ours=fields.number_or("runyard", 0) > 0,
        domain=fields.text_or_none("domain"),
    )


def _result(fields: _Fields) -> Answer:
    """`instance_launch_result` and `instance_attach_result`."""
    return Answer(
        fields.number("corr_id", _U32),
        fields.flag("successful"),
        fields.text("message"),
        fields.text_or_none("code"),
        seq=fields.number_or_none("seq"),
    )


def _challenge(fields: _Fields) -> Answer:
    """`challenge`, which nobody sends, and which means the same as an answer with the challenge in it."""
    return Answer(
        fields.number("corr_id", _U32),
        True,
        fields.text("challenge"),
        ours=fields.number_or("runyard", 0) > 0,
        domain=fields.text_or_none("domain"),
    )


def _live(fields: _Fields) -> Answer:
    """`live_instances`."""
    instances: list[InstanceInfo] = []
    for item in fields.items("instances"):
        if not isinstance(item, dict):
            raise fields.wrong("instances")
        instances.append(_info(_Fields(cast("dict[object, object]", item))))
    corr_id = fields.number("corr_id", _U32)
    return Answer(corr_id, True, "", instances=tuple(instances), cursor=fields.text_or_none("cursor"))


def _info(fields: _Fields) -> InstanceInfo:
    arguments = fields.items("arguments")
    return InstanceInfo(
        id=fields.text("id"),
        arguments=tuple(map(str, arguments)),
        status=fields.text("status"),
        username=fields.text_or_none("username") or "",
        elapsed_secs=fields.number_or("elapsed_secs", 0),
        kv_pages_used=fields.number_or("kv_pages_used", 0),
        program=fields.text_or_none("program"),
        exit=_exit(fields),
        created_at=fields.text_or_none("created_at"),
        ended_at=fields.text_or_none("ended_at"),
        memory=fields.number_or_none("memory"),
        fuel=fields.number_or_none("fuel"),
    )


def _exit(fields: _Fields) -> Exit | None:
    inner = fields.inner("exit")
    if inner is None:
        return None
    return Exit(inner.integer("code"), inner.text("reason"), inner.text_or_none("limit"))


def _event(fields: _Fields) -> Said:
    """`instance_event`."""
    code = fields.number("event", _U32)
    if code > LAST_CODE:
        raise fields.wrong("event")
    return _said(fields, Event(code), fields.text("message"))


def _output(fields: _Fields) -> Said:
    """`streaming_output`."""
    output = fields.inner("output")
    name = output.only_key() if output is not None else ""
    if output is None or name not in {"Stdout", "Stderr"}:
        raise fields.wrong("output")
    return _said(fields, Event.Stdout if name == "Stdout" else Event.Stderr, output.text(name))


def _said(fields: _Fields, event: Event, text: str) -> Said:
    part, parts = fields.number_or("part", 0), fields.number_or("parts", 1)
    if part >= parts:
        raise fields.wrong("part")
    return Said(
        fields.text("instance_id"),
        event,
        text,
        fields.number_or_none("seq"),
        part,
        parts,
        _exit(fields) if event.terminal else None,
    )


def _blob(fields: _Fields) -> Chunk:
    """`download_blob`."""
    index, total = fields.number("chunk_index"), fields.number("total_chunks")
    if index >= max(total, 1):
        raise fields.wrong("chunk_index")
    return Chunk(
        fields.text("instance_id"),
        fields.text("blob_hash"),
        index,
        total,
        fields.content("chunk_data"),
        fields.number_or_none("seq"),
    )


_READERS: Final[Mapping[str, Callable[[_Fields], Incoming]]] = {
    "response": _answer,
    "instance_launch_result": _result,
    "instance_attach_result": _result,
    "challenge": _challenge,
    "live_instances": _live,
    "instance_event": _event,
    "streaming_output": _output,
    "download_blob": _blob,
}
