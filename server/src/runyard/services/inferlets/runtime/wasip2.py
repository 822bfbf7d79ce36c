"""WASI 0.2 for components: arguments, clocks, randomness, output and waiting. No files, no network, no input.

Ours rather than the engine's, for two reasons: a program that sleeps must still end when its time is over, and
``wasi:io/poll`` has to know our own things to wait for besides clocks and streams.
"""

# ruff: noqa: D103 -- what these do is what the interfaces say

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from runyard.services.inferlets.frames import Stream
from runyard.services.inferlets.runtime.guest import HostRefusal
from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.interface import Interface
from runyard.services.inferlets.runtime.resources import InputStream, OutputStream, Pollable, ResourceKind
from runyard.services.inferlets.runtime.values import (
    BOOL,
    BYTES,
    TEXT,
    U32,
    U64,
    Failure,
    ListOf,
    Option,
    Own,
    Record,
    Rep,
    Result,
    Tuple,
    Type,
    Variant,
)
from runyard.sizes import KIB, MIB

VERSION: Final = "0.2.6"
LONGEST_RANDOM: Final = 1 * MIB
WRITE: Final = 64 * KIB
"""Bytes a stream takes at a time."""

STREAMS: Final[tuple[Stream, ...]] = ("stdout", "stderr")

_CLOSED: Final = Failure(("closed", None))
_STREAM_ERROR: Final = Variant({"last-operation-failed": Own(ResourceKind.ERROR), "closed": None})
_POLLABLE: Final = Own(ResourceKind.POLLABLE)
_TIME: Final = Record((("seconds", U64), ("nanoseconds", U32)))


def block(self: Rep) -> None:
    poll([self])


def ready(self: Rep) -> bool:
    return here.resources.get(self, Pollable).ready()


def poll(handles: Sequence[Rep]) -> list[int]:
    if not handles:
        raise HostRefusal("poll was given nothing to wait for")
    pollables = [here.resources.get(handle, Pollable) for handle in handles]
    due = min((one.due for one in pollables if one.due is not None), default=None)

    def look() -> list[int] | None:
        return [number for number, one in enumerate(pollables) if one.ready()] or None

    while True:
        left = None if due is None else max(0.0, (due - time.monotonic_ns()) / 1e9)
        if (found := here.guest.wait(look, left)) is not None:
            return found


def new_pollable(pollable: Pollable) -> int:
    """A resource to wait for."""
    return here.resources.add(pollable)


def write(self: Rep, content: bytes) -> None:
    if len(content) > WRITE:
        raise HostRefusal(f"a stream takes {WRITE} bytes at a time, not {len(content)}")
    here.guest.print(here.resources.get(self, OutputStream).stream, content)


def write_zeroes(self: Rep, count: int) -> None:
    write(self, bytes(min(count, WRITE + 1)))


def flush(_self: Rep) -> None:
    here.guest.check()  # output leaves at the next epoch by itself


def get_random_bytes(count: int) -> bytes:
    if count > LONGEST_RANDOM:
        raise HostRefusal(f"{count} random bytes are more than {LONGEST_RANDOM}")
    return os.urandom(count)


def get_random_u64() -> int:
    return int.from_bytes(os.urandom(8), "little")


def wall_now() -> dict[str, int]:
    seconds, nanoseconds = divmod(time.clock_gettime_ns(time.CLOCK_REALTIME), 1_000_000_000)
    return {"seconds": seconds, "nanoseconds": nanoseconds}


def leave(status: object) -> None:
    here.guest.exit(1 if isinstance(status, Failure) else 0)


def leave_with(code: int) -> None:
    here.guest.exit(code)


def _new_output(stream: Stream) -> int:
    return here.resources.add(OutputStream(stream))


def _always(_stream: Rep) -> int:
    return new_pollable(Pollable())


def _interface(
    name: str, functions: Mapping[str, tuple[Callable[..., Any], Type | None]], **resources: ResourceKind
) -> Interface:
    """The resources are those the interface uses, its own and others'."""
    return Interface(
        name=f"wasi:{name}@{VERSION}",
        resources={key.replace("_", "-"): kind for key, kind in resources.items()},
        functions=functions,
    )


_WRITTEN: Final = Result(None, _STREAM_ERROR)
_READ: Final = Result(BYTES, _STREAM_ERROR)
_COUNT: Final = Result(U64, _STREAM_ERROR)

INTERFACES: Final[tuple[Interface, ...]] = (
    _interface("io/error", {"[method]error.to-debug-string": (lambda _self: "error", TEXT)}, error=ResourceKind.ERROR),
    _interface(
        "io/poll",
        {"[method]pollable.block": (block, None), "[method]pollable.ready": (ready, BOOL), "poll": (poll, ListOf(U32))},
        pollable=ResourceKind.POLLABLE,
    ),
    _interface(
        "io/streams",
        {
            "[method]input-stream.read": (lambda _self, _count: _CLOSED, _READ),
            "[method]input-stream.blocking-read": (lambda _self, _count: _CLOSED, _READ),
            "[method]input-stream.skip": (lambda _self, _count: _CLOSED, _COUNT),
            "[method]input-stream.blocking-skip": (lambda _self, _count: _CLOSED, _COUNT),
            "[method]input-stream.subscribe": (_always, _POLLABLE),
            "[method]output-stream.check-write": (lambda _self: WRITE, _COUNT),
            "[method]output-stream.write": (write, _WRITTEN),
            "[method]output-stream.blocking-write-and-flush": (write, _WRITTEN),
            "[method]output-stream.flush": (flush, _WRITTEN),
            "[method]output-stream.blocking-flush": (flush, _WRITTEN),
            "[method]output-stream.subscribe": (_always, _POLLABLE),
            "[method]output-stream.write-zeroes": (write_zeroes, _WRITTEN),
            "[method]output-stream.blocking-write-zeroes-and-flush": (write_zeroes, _WRITTEN),
            "[method]output-stream.splice": (lambda _self, _from, _count: _CLOSED, _COUNT),
            "[method]output-stream.blocking-splice": (lambda _self, _from, _count: _CLOSED, _COUNT),
        },
        input_stream=ResourceKind.INPUT_STREAM,
        output_stream=ResourceKind.OUTPUT_STREAM,
        pollable=ResourceKind.POLLABLE,
        error=ResourceKind.ERROR,
    ),
    _interface(
        "clocks/monotonic-clock",
        {
            "now": (time.monotonic_ns, U64),
            "resolution": (lambda: 1000, U64),
            "subscribe-instant": (lambda when: new_pollable(Pollable(due=when)), _POLLABLE),
            "subscribe-duration": (
                lambda pause: new_pollable(Pollable(due=time.monotonic_ns() + pause)), _POLLABLE
            ),
        },
        pollable=ResourceKind.POLLABLE,
    ),
    _interface(
        "clocks/wall-clock",
        {"now": (wall_now, _TIME), "resolution": (lambda: {"seconds": 0, "nanoseconds": 1000}, _TIME)},
    ),
    _interface(
        "random/random",
        {"get-random-bytes": (get_random_bytes, BYTES), "get-random-u64": (get_random_u64, U64)},
    ),
    _interface(
        "random/insecure",
        {"get-insecure-random-bytes": (get_random_bytes, BYTES), "get-insecure-random-u64": (get_random_u64, U64)},
    ),
    _interface(
        "random/insecure-seed",
        {"insecure-seed": (lambda: (get_random_u64(), get_random_u64()), Tuple((U64, U64)))},
    ),
    _interface(
        "cli/environment",
        {
            "get-environment": (list, ListOf(Tuple((TEXT, TEXT)))),
            "get-arguments": (lambda: [here.guest.launch.program, *here.guest.launch.arguments], ListOf(TEXT)),
            "initial-cwd": (lambda: None, Option(TEXT)),
        },
    ),
    _interface("cli/exit", {"exit": (leave, None), "exit-with-code": (leave_with, None)}),
    _interface(
        "cli/stdin",
        {"get-stdin": (lambda: here.resources.add(InputStream()), Own(ResourceKind.INPUT_STREAM))},
        input_stream=ResourceKind.INPUT_STREAM,
    ),
    *(
        _interface(
            f"cli/{stream}",
            {f"get-{stream}": (partial(_new_output, stream), Own(ResourceKind.OUTPUT_STREAM))},
            output_stream=ResourceKind.OUTPUT_STREAM,
        )
        for stream in STREAMS
    ),
    _interface("cli/terminal-input", {}, terminal_input=ResourceKind.TERMINAL_INPUT),
    _interface("cli/terminal-output", {}, terminal_output=ResourceKind.TERMINAL_OUTPUT),
    *(
        _interface(
            f"cli/terminal-{stream}",
            {f"get-terminal-{stream}": (lambda: None, Option(Own(kind)))},
            **{resource: kind},
        )
        for stream, resource, kind in (
            ("stdin", "terminal_input", ResourceKind.TERMINAL_INPUT),
            ("stdout", "terminal_output", ResourceKind.TERMINAL_OUTPUT),
            ("stderr", "terminal_output", ResourceKind.TERMINAL_OUTPUT),
        )
    ),
    _interface(
        "filesystem/preopens",
        {"get-directories": (list, ListOf(Tuple((Own(ResourceKind.DESCRIPTOR), TEXT))))},
        descriptor=ResourceKind.DESCRIPTOR,
    ),
)  # fmt: skip

TRAPPING: Final = ("wasi:filesystem/types@0.2", "wasi:sockets/")
"""What programs may import and, having no folder and no network, never come to use: calls trap."""

SHARED: Final[Mapping[str, ResourceKind]] = {
    "pollable": ResourceKind.POLLABLE,
    "error": ResourceKind.ERROR,
    "input-stream": ResourceKind.INPUT_STREAM,
    "output-stream": ResourceKind.OUTPUT_STREAM,
    "descriptor": ResourceKind.DESCRIPTOR,
}
"""Resources of ours that those interfaces speak of."""
