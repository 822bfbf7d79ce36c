"""What a worker and the hand say to each other, one order at a time.

The hand is not trusted: what it says is checked, and it can do no more than give wrong answers.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from runyard.frames import Frames
from runyard.services.sessions.hand.tools import EditFile, ListFiles, ReadFile, SearchFiles, ShowChanges, WriteFile
from runyard.services.sessions.repositories.facts import Fetched
from runyard.sizes import MIB

LONGEST: Final = 16 * MIB

FileTool: TypeAlias = ListFiles | ReadFile | SearchFiles | WriteFile | EditFile | ShowChanges


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The hand's folders, as it sees them.

    Attributes:
        root: the workspace.
        clones: what git fetched, ``NAME.git`` each; read-only.
        state: what the hand has for itself.
    """

    root: str
    clones: str
    state: str


class Open(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """Put a repository's files into the workspace.

    Attributes:
        path: a folder that must be in it.
        patched: change them by ``NAME.diff`` among the clones.
    """

    number: int
    seconds: float
    name: str
    url: str
    fetched: Fetched
    path: str = ""
    patched: bool = False


class Diff(msgspec.Struct, frozen=True, kw_only=True, tag="diff"):
    """Write what has changed in a repository to ``NAME.diff`` in the hand's state."""

    number: int
    seconds: float
    name: str
    limit: int


class Use(msgspec.Struct, frozen=True, kw_only=True, tag="use"):
    """Use a tool. ``folder`` is where relative paths start."""

    number: int
    seconds: float
    folder: str
    tool: FileTool


Order: TypeAlias = Open | Diff | Use


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process is up and has its libraries."""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """An order is carried out. ``size`` is that of the file made for it."""

    number: int
    text: str = ""
    truncated: bool = False
    size: int = 0


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """It can't be. ``trace`` is there when that is a fault of the hand."""

    number: int
    text: str
    trace: str = ""


Answer: TypeAlias = Done | Refused
Report: TypeAlias = Ready | Done | Refused

order_frames: Final = Frames[Order](Order, longest=LONGEST)
report_frames: Final = Frames[Report](Report, longest=LONGEST)
