"""The resources a component holds: numbers on its side, these things on ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from runyard.services.inferlets.frames import Stream
from runyard.services.inferlets.runtime.guest import HostRefusal
from runyard.services.inferlets.runtime.values import Rep

T = TypeVar("T")


class ResourceKind(IntEnum):
    """Tells the host's resource types apart."""

    POLLABLE = 1
    ERROR = 2
    INPUT_STREAM = 3
    OUTPUT_STREAM = 4
    TERMINAL_INPUT = 5
    TERMINAL_OUTPUT = 6
    BLOB = 7
    BLOB_RESULT = 8
    RECEIVE_RESULT = 9
    SUBSCRIPTION = 10
    DESCRIPTOR = 11
    GENERATION = 12
    MODEL = 13
    TOKENIZER = 14


class Resources:
    """What one instance holds, bounded."""

    MOST = 10_000

    def __init__(self, room: int) -> None:
        """``room`` is how many bytes its blobs may have together."""
        self._room = room
        self._things: dict[int, object] = {}
        self._last = 0

    def add(self, thing: object) -> int:
        """Keep something; returns its number."""
        if len(self._things) >= self.MOST:
            raise HostRefusal(f"a program may hold {self.MOST} resources at a time")
        if isinstance(thing, Blob):
            if len(thing.content) > self._room:
                raise HostRefusal("the program holds blobs of more bytes than it may have memory; drop some")
            self._room -= len(thing.content)
        self._last += 1
        self._things[self._last] = thing
        return self._last

    def get(self, rep: Rep, kind: type[T]) -> T:
        """What a number stands for."""
        thing = self._things.get(rep.number)
        if not isinstance(thing, kind):
            raise HostRefusal(f"resource {rep.number} is no {kind.__name__}")
        return thing

    def take(self, rep: Rep, kind: type[T]) -> T:
        """What a number stood for: it was given away."""
        thing = self.get(rep, kind)
        self.drop(rep.number)
        return thing

    def drop(self, number: int) -> None:
        """The program needs it no more."""
        match self._things.pop(number, None):
            case Blob(content):
                self._room += len(content)
            case Generation(end=end) | Received(end=end):
                end()


@dataclass(frozen=True, slots=True)
class Pollable:
    """Something to wait for: ready when it says so, or once its time (of the monotonic clock, in ns) has come."""

    is_ready: Callable[[], bool] = lambda: True
    due: int | None = None

    def ready(self) -> bool:
        """Whether a wait for it is over."""
        return self.is_ready() if self.due is None else time.monotonic_ns() >= self.due


@dataclass(frozen=True, slots=True)
class Generation:
    """A text that is being written, by the yard's number; ``end`` has the yard forget it."""

    number: int
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Model:
    """The yard's language model."""

    name: str


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """What knows the tokens of a model."""


@dataclass(frozen=True, slots=True)
class OutputStream:
    """Standard output or standard error."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class InputStream:
    """Standard input: always at its end."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a program reads piece by piece."""

    content: bytes


@dataclass(slots=True)
class Received:
    """A message, blob or broadcast that has come or will come."""

    look: Callable[[], str | bytes | None]
    waiting: Callable[[], bool]
    end: Callable[[], None] = lambda: None
    """Says that nobody wants it any more."""

    found: str | bytes | None = field(default=None)

    def get(self) -> str | bytes | None:
        """What has come, if it has."""
        if self.found is None:
            self.found = self.look()
        return self.found
