"""What can be done to a connection, and one direction of it as arithmetic on bytes and times, without sockets."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Self

Direction = Literal["up", "down"]
"""`up` is client to server, `down` is server to client."""

WINDOW = 1024 * 1024  # bytes one direction may hold back (latency, throttle) before it stops reading
TICK = 0.01  # seconds of bytes that a throttle lets through at a time


@dataclass(frozen=True, slots=True)
class Latency:
    """Every byte takes `seconds` longer, give or take `jitter` (alike each time); none overtakes another."""

    seconds: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= self.seconds:
            raise ValueError(f"{self!r}: jitter must lie between 0 and the latency itself")


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `bytes_per_second` pass, evenly: no burst after a pause."""

    bytes_per_second: float

    def __post_init__(self) -> None:
        if self.bytes_per_second <= 0:
            raise ValueError(f"{self!r}: a rate is more than 0; to stop all bytes inject Blackhole()")


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes are written at most `size` at a time, `pause` seconds apart, so that most reads see one piece."""

    size: int
    pause: float = 0.001

    def __post_init__(self) -> None:
        if self.size < 1 or self.pause < 0:
            raise ValueError(f"{self!r}: size is at least 1 byte and pause at least 0 seconds")


@dataclass(frozen=True, slots=True)
class After:
    """A fault that acts once `after` bytes were delivered in its direction since it met the connection.

    On a connection that is open when the fault is injected the count begins then, so that 0 means now.
    With `lazy` it acts only when another byte is about to follow.
    """

    after: int = 0
    lazy: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.after < 0:
            raise ValueError(f"{self!r}: a fault acts after 0 bytes or more")


@dataclass(frozen=True, slots=True)
class Cut(After):
    """Both ends see an orderly end (FIN). `Cut(lazy=True)` lets a request be served and loses the answer."""


@dataclass(frozen=True, slots=True)
class Reset(After):
    """Both ends see "connection reset by peer" (RST), the receiver after exactly `after` bytes."""


@dataclass(frozen=True, slots=True)
class HalfClose(After):
    """The receiver sees the end of this direction; its later bytes are lost. The other direction lives on."""


@dataclass(frozen=True, slots=True)
class Blackhole(After):
    """Nothing more passes, not even an end, and nothing is closed. Once removed, all of it flows on."""


Fault = Latency | Throttle | Slice | Cut | Reset | HalfClose | Blackhole


@dataclass(slots=True, eq=False, kw_only=True)
class Injection:
    """A fault in force. `remove()` takes it back; as a context manager it lasts as long as the block."""

    fault: Fault
    direction: Direction
    times: int | None  # how many connections will still meet it; None: all
    withdraw: Callable[[Injection], None] = field(repr=False)

    def __post_init__(self) -> None:
        if self.direction not in {"up", "down"}:
            raise ValueError(f"direction={self.direction!r}: it is 'up' (to the server) or 'down'")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times={self.times!r}: a fault is for 1 connection or more, or None for all")

    def remove(self) -> None:
        """End the fault, on open connections too. A connection it has cut stays cut."""
        self.withdraw(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Flow:
    """One direction of one connection as arithmetic on bytes and times; the sockets are `Connection`'s."""

    def __init__(self) -> None:
        self.finished = False  # the sender has ended
        self.closed = False  # the receiver has been told that no more comes
        self._met: dict[Injection, int] = {}  # and how many bytes had passed by then
        self._queue: deque[tuple[float, memoryview]] = deque()  # when due, what; empty bytes are the end
        self._held = 0
        self._passed = 0
        self._last_due = 0.0
        self._free_at = 0.0  # when throttle and slices allow the next write
        self._random = random.Random(0)  # noqa: S311 - the same jitter each time

    def meet(self, injection: Injection) -> None:
        """Put a fault in force, counting from here."""
        self._met[injection] = self._passed

    def forget(self, injection: Injection) -> None:
        """Take a fault back. Bytes that it has delayed stay delayed."""
        self._met.pop(injection, None)

    @property
    def room(self) -> int:
        """How many bytes may be fed."""
        return 0 if self.finished else WINDOW - self._held

    def feed(self, data: bytes, now: float) -> None:
        """Take what the sender has written; no bytes mean that it has ended."""
        self.finished = not data
        if self.closed:
            return
        for injection in self._met:
            if isinstance(fault := injection.fault, Latency):
                now += fault.seconds + self._random.uniform(-fault.jitter, fault.jitter)
        self._last_due = max(self._last_due, now)
        self._queue.append((self._last_due, memoryview(data)))
        self._held += len(data)

    def sendable(self, now: float) -> memoryview:
        """What the receiver may have now; perhaps nothing."""
        if self.closed or not self._queue or max(self._queue[0][0], self._free_at) > now:
            return memoryview(b"")
        _, data = self._queue[0]
        allowed = len(data)
        for injection, start in self._met.items():
            match injection.fault:
                case Slice(size=size):
                    allowed = min(allowed, size)
                case Throttle(bytes_per_second=rate):
                    allowed = min(allowed, max(1, int(rate * TICK)))
                case After(after=after):
                    allowed = min(allowed, max(0, start + after - self._passed))
        return data[:allowed]

    def sent(self, count: int, now: float) -> None:
        """Note that the receiver has been given the first `count` bytes of what was sendable."""
        due, data = self._queue.popleft()
        if count < len(data):
            self._queue.appendleft((due, data[count:]))
        self._held -= count
        self._passed += count
        free_at = self._free_at
        for injection in self._met:
            match injection.fault:
                case Slice(pause=pause):
                    free_at = max(free_at, now + pause)
                case Throttle(bytes_per_second=rate):
                    free_at = max(free_at, max(self._free_at, now - TICK) + count / rate)
        self._free_at = free_at

    def ending(self, now: float) -> Cut | Reset | None:
        """The fault that ends the connection now, if one does."""
        return next((fault for fault in self._reached(now) if isinstance(fault, Cut | Reset)), None)

    def closing(self, now: float) -> bool:
        """Whether the receiver is to be told now that no more comes."""
        if self.closed:
            return False
        reached = list(self._reached(now))
        if any(isinstance(fault, Blackhole) for fault in reached):
            return False
        ended = bool(self._queue) and self._queue[0][0] <= now and not self._queue[0][1]
        return ended or any(isinstance(fault, HalfClose) for fault in reached)

    def close(self) -> None:
        """Drop what is still to come."""
        self.closed = True
        self._queue.clear()
        self._held = 0

    def wake_at(self, now: float) -> float | None:
        """When time alone changes what is sendable."""
        if not self._queue:
            return None
        at = max(self._queue[0][0], self._free_at)
        return at if at > now else None

    def _reached(self, now: float) -> Iterator[Fault]:
        more = bool(self._queue) and self._queue[0][0] <= now and len(self._queue[0][1]) > 0
        for injection, start in self._met.items():
            fault = injection.fault
            if isinstance(fault, After) and (more or not fault.lazy) and self._passed >= start + fault.after:
                yield fault
