"""What a worker and its media processes say to each other: msgpack messages, each after its length."""

from __future__ import annotations

import asyncio
from typing import BinaryIO, Final

import msgspec

from runyard.services.compute.plugin import MediaLimits

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of one message: the results of a full batch, vectors and all."""

_LENGTH: Final = 4


class Work(msgspec.Struct, frozen=True):
    """One task: the folder it has for itself, what its file is called, and checked parameters as JSON data."""

    folder: str
    name: str
    params: dict[str, object]


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Do these tasks with this plugin."""

    plugin: str
    tasks: list[Work]
    limits: MediaLimits


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process is up and has its libraries."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Task number ``task`` has come this far."""

    task: int
    percent: int
    note: str


class Outcome(msgspec.Struct, frozen=True):
    """A result, or why there is none."""

    result: dict[str, object] | None = None
    reason: str = ""
    message: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """How every task ended, in their order. ``trace`` is for the yard's log when the plugin itself failed."""

    outcomes: list[Outcome]
    trace: str = ""


Report = Ready | Progress | Done

_encode = msgspec.msgpack.Encoder().encode
_reports: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)
_runs = msgspec.msgpack.Decoder(Run)


def pack(message: Run | Report) -> bytes:
    """A message with its length in front."""
    body = _encode(message)
    return len(body).to_bytes(_LENGTH, "big") + body


def read_run(stream: BinaryIO) -> Run | None:
    """The next order; None at the end. Blocks."""
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    return _runs.decode(stream.read(int.from_bytes(head, "big")))


async def read_report(stream: asyncio.StreamReader) -> Report:
    """The next report.

    Raises:
        ValueError, msgspec.DecodeError: the other side doesn't keep to the protocol.
        asyncio.IncompleteReadError: it is gone.
    """
    length = int.from_bytes(await stream.readexactly(_LENGTH), "big")
    if length > LONGEST:
        raise ValueError(f"a report of {length} bytes is longer than {LONGEST}")
    return _reports.decode(await stream.readexactly(length))
