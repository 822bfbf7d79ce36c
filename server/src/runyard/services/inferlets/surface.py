"""What a program looks like from outside, as the process that compiled it has seen it."""

from __future__ import annotations

import msgspec

from runyard.services.inferlets.frames import Kind


class BadProgram(Exception):
    """No program of ours. The text says why."""


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """The outside of a program. ``missing`` are imports that don't exist here, or not with these types."""

    kind: Kind
    imports: list[str]
    exports: list[str]
    missing: list[str]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of compiling: a surface, or why it is no program."""

    surface: Surface | None = None
    problem: str = ""
