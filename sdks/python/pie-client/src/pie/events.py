"""What a program tells while it runs, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Event(Enum):
    """The kind of an event. The first six travel under their numbers; the others come in messages of their own."""

    Message = 0
    Completed = 1
    Aborted = 2
    Exception = 3
    ServerError = 4
    OutOfResources = 5
    Blob = 6
    Stdout = 7
    Stderr = 8

    @property
    def terminal(self) -> bool:
        """Whether it is the last event of its instance."""
        return 1 <= self.value <= 5


LAST_CODE: Final = Event.OutOfResources.value
"""The highest number that travels."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How an instance ended, as a Runyard server tells it.

    Attributes:
        code: the program's exit status; 0 is success.
        reason: a stable word.
        limit: which limit was reached, or None.
    """

    code: int
    reason: str
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """An instance, as `list_instances` tells of it. What follows `kv_pages_used` is told by Runyard servers only.

    Attributes:
        id: its id.
        arguments: what it was launched with.
        status: `Attached`, `Detached` or `Finished`.
        username: who launched it.
        elapsed_secs: seconds since the launch.
        kv_pages_used: pages of a model's cache in use.
        program: the program's name or hash.
        exit: how it ended; None while it runs.
        created_at, ended_at: times in UTC, as ISO 8601 texts.
        memory: bytes in use.
        fuel: fuel used.
    """

    id: str
    arguments: tuple[str, ...]
    status: str
    username: str = ""
    elapsed_secs: int = 0
    kv_pages_used: int = 0
    program: str | None = None
    exit: Exit | None = None
    created_at: str | None = None
    ended_at: str | None = None
    memory: int | None = None
    fuel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an instance may use; None leaves the server's own limit.

    Attributes:
        fuel: units of work of the WebAssembly engine.
        memory: bytes.
        wall_seconds: seconds from launch to end.
        output_bytes: bytes of output in all.
        idle_seconds: seconds without any message in or out.
    """

    fuel: int | None = None
    memory: int | None = None
    wall_seconds: float | None = None
    output_bytes: int | None = None
    idle_seconds: float | None = None

    def wire(self) -> dict[str, int | float]:
        """The limits that are set."""
        given = {
            "fuel": self.fuel,
            "memory": self.memory,
            "wall_seconds": self.wall_seconds,
            "output_bytes": self.output_bytes,
            "idle_seconds": self.idle_seconds,
        }
        return {name: value for name, value in given.items() if value is not None}
