"""WASI preview 1 for core modules: arguments, clocks, randomness, output and waiting. No files, no network, no input.

Ours rather than the engine's, whose clocks and output can't be interrupted: a program that sleeps must still end when
its time is over. Functions return the numbers of the specification's ``errno``.
"""

# ruff: noqa: D103 -- what these do is what the interfaces say

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

from wasmtime import Linker, ValType

from runyard.services.inferlets.frames import Stream
from runyard.services.inferlets.runtime.guest import HostRefusal
from runyard.services.inferlets.runtime.here import here, read, write
from runyard.services.inferlets.runtime.native import CoreFunction, define_core
from runyard.sizes import MIB

MODULE: Final = "wasi_snapshot_preview1"
SUCCESS, BADF, FAULT, INVAL, NOSYS, SPIPE = 0, 8, 21, 28, 52, 70

REALTIME, MONOTONIC = 0, 1
RESOLUTION: Final = 1000
LONGEST_RANDOM: Final = 1 * MIB
LONGEST_WRITE: Final = 1 * MIB
"""Bytes that are taken at a time; the program is told how many, and writes the rest again."""

MOST_VECTORS: Final = 1024
MOST_SUBSCRIPTIONS: Final = 1024

_STREAMS: Final[Mapping[int, Stream]] = {1: "stdout", 2: "stderr"}
_CHARACTER_DEVICE: Final = 2
_RIGHT_TO_WRITE: Final = 1 << 6
_ABSOLUTE: Final = 1
_CLOCK, _READ, _WRITE = 0, 1, 2


def define_wasip1(linker: Linker) -> None:
    """Offer preview 1 to core modules."""
    for name, (params, function) in FUNCTIONS.items():
        define_core(linker, MODULE, name, [_TYPES[letter]() for letter in params], ValType.i32(), _guarded(function))
    define_core(linker, MODULE, "proc_exit", [ValType.i32()], None, proc_exit)


def proc_exit(code: int) -> None:
    """End the program with a status."""
    here.guest.exit(code & 0xFFFFFFFF)


def args_sizes_get(count: int, size: int) -> int:
    words = _arguments()
    write(count, len(words).to_bytes(4, "little"))
    write(size, sum(map(len, words)).to_bytes(4, "little"))
    return SUCCESS


def args_get(pointers: int, texts: int) -> int:
    for number, word in enumerate(_arguments()):
        write(pointers + 4 * number, (texts & 0xFFFFFFFF).to_bytes(4, "little"))
        write(texts, word)
        texts += len(word)
    return SUCCESS


def environ_sizes_get(count: int, size: int) -> int:
    write(count, bytes(4))
    write(size, bytes(4))
    return SUCCESS


def environ_get(_pointers: int, _texts: int) -> int:
    return SUCCESS


def clock_res_get(clock: int, place: int) -> int:
    if clock not in (REALTIME, MONOTONIC):
        return INVAL
    write(place, RESOLUTION.to_bytes(8, "little"))
    return SUCCESS


def clock_time_get(clock: int, _precision: int, place: int) -> int:
    if clock not in (REALTIME, MONOTONIC):
        return INVAL
    write(place, _now(clock).to_bytes(8, "little"))
    return SUCCESS


def random_get(place: int, size: int) -> int:
    if not 0 <= size <= LONGEST_RANDOM:
        return INVAL
    write(place, os.urandom(size))
    return SUCCESS


def sched_yield() -> int:
    here.guest.check()
    return SUCCESS


def fd_write(descriptor: int, vectors: int, count: int, written: int) -> int:
    if descriptor not in _STREAMS:
        return BADF
    if not 0 <= count <= MOST_VECTORS:
        return INVAL
    table = read(vectors, 8 * count)
    room, pieces = LONGEST_WRITE, []
    for n in range(0, len(table), 8):
        size = min(room, int.from_bytes(table[n + 4 : n + 8], "little"))
        pieces.append(read(int.from_bytes(table[n : n + 4], "little"), size))
        room -= size
    content = b"".join(pieces) if len(pieces) != 1 else pieces[0]
    here.guest.print(_STREAMS[descriptor], content)
    write(written, len(content).to_bytes(4, "little"))
    return SUCCESS


def fd_read(descriptor: int, _vectors: int, _count: int, got: int) -> int:
    if descriptor != 0:
        return BADF
    write(got, bytes(4))  # input is empty: programs are talked to by messages
    return SUCCESS


def fd_fdstat_get(descriptor: int, place: int) -> int:
    if not 0 <= descriptor <= 2:
        return BADF
    rights = _RIGHT_TO_WRITE if descriptor else 1 << 1
    write(place, bytes([_CHARACTER_DEVICE]) + bytes(7) + rights.to_bytes(8, "little") + bytes(8))
    return SUCCESS


def fd_filestat_get(descriptor: int, place: int) -> int:
    if not 0 <= descriptor <= 2:
        return BADF
    write(place, bytes(16) + bytes([_CHARACTER_DEVICE]) + bytes(47))
    return SUCCESS


def fd_seek(descriptor: int, *_rest: int) -> int:
    return SPIPE if 0 <= descriptor <= 2 else BADF


def on_open(descriptor: int, *_rest: int) -> int:
    """Answer of functions that have nothing to do for the three descriptors there are."""
    return SUCCESS if 0 <= descriptor <= 2 else BADF


def poll_oneoff(subscriptions: int, events: int, count: int, place: int) -> int:
    if not 0 < count <= MOST_SUBSCRIPTIONS:
        return INVAL
    table = read(subscriptions, 48 * count)
    rows = [table[n : n + 48] for n in range(0, len(table), 48)]
    ready = [_event(row, row[8]) for row in rows if row[8] in (_READ, _WRITE)]  # output and the end of input are ready
    clocks = [(_wait_of(row), row) for row in rows if row[8] == _CLOCK]
    if not ready and clocks:
        pause = min(seconds for seconds, _ in clocks)
        here.guest.wait(lambda: None, max(0.0, pause))
        ready = [_event(row, _CLOCK) for seconds, row in clocks if seconds <= pause]
    write(events, b"".join(ready))
    write(place, len(ready).to_bytes(4, "little"))
    return SUCCESS


def _event(row: bytes, kind: int) -> bytes:
    return row[:8] + bytes(2) + bytes([kind]) + bytes(21)


def _wait_of(row: bytes) -> float:
    """Seconds until a clock subscription is due."""
    clock, flags = int.from_bytes(row[16:20], "little"), int.from_bytes(row[40:42], "little")
    moment = int.from_bytes(row[24:32], "little")
    return (moment - _now(clock) if flags & _ABSOLUTE else moment) / 1e9


def _now(clock: int) -> int:
    return time.clock_gettime_ns(time.CLOCK_REALTIME) if clock == REALTIME else time.monotonic_ns()


def _arguments() -> list[bytes]:
    launch = here.guest.launch
    return [word.encode() + b"\0" for word in (launch.program, *launch.arguments)]


def _answer(errno: int, *_arguments: int) -> int:
    return errno


def _guarded(function: CoreFunction) -> CoreFunction:
    """Bad addresses are an errno here, not the end."""

    def call(*arguments: int) -> int | None:
        try:
            return function(*arguments)
        except HostRefusal:
            return FAULT

    return call


_TYPES: Final = {"i": ValType.i32, "I": ValType.i64}
_no_file: Final = partial(_answer, BADF)
_no_such_thing: Final = partial(_answer, NOSYS)

FUNCTIONS: Final[Mapping[str, tuple[str, CoreFunction]]] = {
    "args_get": ("ii", args_get),
    "args_sizes_get": ("ii", args_sizes_get),
    "environ_get": ("ii", environ_get),
    "environ_sizes_get": ("ii", environ_sizes_get),
    "clock_res_get": ("ii", clock_res_get),
    "clock_time_get": ("iIi", clock_time_get),
    "fd_advise": ("iIIi", _no_file),
    "fd_allocate": ("iII", _no_file),
    "fd_close": ("i", on_open),
    "fd_datasync": ("i", on_open),
    "fd_fdstat_get": ("ii", fd_fdstat_get),
    "fd_fdstat_set_flags": ("ii", on_open),
    "fd_fdstat_set_rights": ("iII", on_open),
    "fd_filestat_get": ("ii", fd_filestat_get),
    "fd_filestat_set_size": ("iI", _no_file),
    "fd_filestat_set_times": ("iIIi", _no_file),
    "fd_pread": ("iiiIi", _no_file),
    "fd_prestat_get": ("ii", _no_file),
    "fd_prestat_dir_name": ("iii", _no_file),
    "fd_pwrite": ("iiiIi", _no_file),
    "fd_read": ("iiii", fd_read),
    "fd_readdir": ("iiiIi", _no_file),
    "fd_renumber": ("ii", _no_file),
    "fd_seek": ("iIii", fd_seek),
    "fd_sync": ("i", on_open),
    "fd_tell": ("ii", fd_seek),
    "fd_write": ("iiii", fd_write),
    "path_create_directory": ("iii", _no_file),
    "path_filestat_get": ("iiiii", _no_file),
    "path_filestat_set_times": ("iiiiIIi", _no_file),
    "path_link": ("iiiiiii", _no_file),
    "path_open": ("iiiiiIIii", _no_file),
    "path_readlink": ("iiiiii", _no_file),
    "path_remove_directory": ("iii", _no_file),
    "path_rename": ("iiiiii", _no_file),
    "path_symlink": ("iiiii", _no_file),
    "path_unlink_file": ("iii", _no_file),
    "poll_oneoff": ("iiii", poll_oneoff),
    "proc_raise": ("i", _no_such_thing),
    "random_get": ("ii", random_get),
    "sched_yield": ("", sched_yield),
    "sock_accept": ("iii", _no_file),
    "sock_recv": ("iiiiii", _no_file),
    "sock_send": ("iiiii", _no_file),
    "sock_shutdown": ("ii", _no_file),
}
