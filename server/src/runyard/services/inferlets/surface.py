"""What the process that compiles a program is told, and what it says: how the program looks from outside."""

from __future__ import annotations

from typing import Final

import msgspec

from runyard.frames import Frames
from runyard.services.inferlets.frames import Kind
from runyard.sizes import MIB

LONGEST: Final = 4 * MIB
"""Bytes of what is said about a program."""


class BadProgram(Exception):
    """No program of ours. The text says why."""


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """The outside of a program. ``missing`` are imports that don't exist here, or not with these types."""

    kind: Kind
    imports: list[str]
    exports: list[str]
    missing: list[str]


class Compile(msgspec.Struct, frozen=True):
    """Compile the program that was put there, if it is the one with this BLAKE3."""

    blake3: str


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of compiling: a surface, or why it is no program."""

    surface: Surface | None = None
    problem: str = ""


order_frames: Final = Frames[Compile](Compile, longest=LONGEST)
report_frames: Final = Frames[Compiled](Compiled, longest=LONGEST)
