"""What is to be run, what it may see and use, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

LimitName = Literal["wall", "silence", "memory", "processes", "file_size", "disk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a command and everything it starts may use. `None` is no limit.

    `memory` is shared pages counted once; `processes` counts threads too, as the kernel does; `disk` is what
    lies below the writable mounts, at least 4 KiB for each entry.
    """

    wall: float | None = None
    """Seconds from start to end."""
    silence: float | None = None
    """Seconds without a byte of output. Time in which nobody reads the output is not counted."""
    memory: int | None = None
    """Bytes, of all processes together."""
    processes: int | None = None
    """Processes and threads at one time."""
    file_size: int | None = None
    """Bytes in one file."""
    disk: int | None = None
    """Bytes below all writable mounts together."""
    grace: float = 5.0
    """Seconds between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or folder of this machine, shown to the command at `target`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line. `env` may hold secrets, so it stays out of reprs and off every command line."""

    argv: Sequence[str]
    cwd: str = "/tmp"  # noqa: S108 -- the sandbox's own
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: Sequence[Mount] = ()
    network: bool = False
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError("argv is empty: name a program to run")
        if any("\0" in word for word in (*self.argv, self.cwd, *self.env, *self.env.values())):
            raise ValueError("a command line, folder or environment value has a NUL character in it")
        if any(not name or "=" in name for name in self.env):
            raise ValueError(f"not all are names of environment variables: {sorted(self.env)!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a command ended.

    `code` is negative when a signal ended it. A shell reports a child's signal as 128 + its number, and so
    do the sandboxes: such codes are read as signals too.
    """

    code: int
    limit: LimitName | None = None
    message: str | None = None
    """A sentence for people: which limit was reached, and how much was used."""
