"""What a worker and its media processes say to each other."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from runyard.frames import Frames
from runyard.services.compute.plugin import MediaLimits
from runyard.sizes import MIB

LONGEST: Final = 64 * MIB
"""Bytes of one message: the results of a full batch, vectors and all."""


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


Report: TypeAlias = Ready | Progress | Done

order_frames: Final = Frames[Run](Run, longest=LONGEST)
report_frames: Final = Frames[Report](Report, longest=LONGEST)
