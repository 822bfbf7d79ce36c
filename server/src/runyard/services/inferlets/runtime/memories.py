"""Linear memories of programs, mapped by us: what an instance has in all of them is known, bounded, and refused aloud.

The engine's own limit is silent when a program asks for more, and it can't tell how much a component has.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import threading
from dataclasses import dataclass
from typing import Any, Final

import wasmtime._ffi as ffi
from wasmtime import Config, WasmtimeError

_MAP_NORESERVE: Final = 0x4000  # of Linux; older Pythons have no name for it
_PRIVATE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
_NO_ACCESS: Final = 0
_READ_AND_WRITE: Final = mmap.PROT_READ | mmap.PROT_WRITE
_FAILED: Final = ctypes.c_void_p(-1).value


@dataclass(slots=True)
class Allotment:
    """What one instance may have in all its memories together, and has.

    Attributes:
        refused: whether it has asked for more than it may have.
    """

    limit: int
    used: int = 0
    refused: bool = False

    def check(self, size: int) -> None:
        """Whether it may have ``size`` bytes more.

        Raises:
            MemoryError: that is too much.
        """
        if self.used + size > self.limit:
            self.refused = True
            raise MemoryError(f"{self.used + size} bytes of memory are more than {self.limit}")


class _Allotted(threading.local):
    """The allotment of the instance whose thread this is."""

    allotment = Allotment(0)


@dataclass(slots=True)
class _Mapping:
    start: int
    length: int
    base: int
    size: int
    room: int
    allotment: Allotment


allotted = _Allotted()
_mappings: dict[int, _Mapping] = {}
_numbers = itertools.count(1)


def use_our_memories(config: Config) -> None:
    """Have an engine ask us for every memory, on the thread of its instance."""
    ffi.wasmtime_config_memory_init_cow_set(config.ptr(), False)  # goes with the engine's own memories only
    ffi.wasmtime_config_host_memory_creator_set(config.ptr(), ctypes.byref(_creator))


def _map(minimum: int, room: int, guard: int) -> int:
    """A memory of ``minimum`` bytes, which may grow to ``room``, with a guard on either side; returns its number."""
    allotment = allotted.allotment
    allotment.check(minimum)
    length = guard + room + guard
    start = _libc.mmap(None, length, _NO_ACCESS, _PRIVATE, -1, 0)
    if start == _FAILED:
        raise OSError(ctypes.get_errno(), "the process has no room for another memory")
    mapping = _Mapping(start, length, start + guard, 0, room, allotment)
    try:
        _open(mapping, minimum)
    except OSError:
        _libc.munmap(start, length)
        raise
    number = next(_numbers)
    _mappings[number] = mapping
    return number


def _open(mapping: _Mapping, size: int) -> None:
    if size > mapping.room:
        raise OSError(f"a memory may have {mapping.room} bytes, not {size}")
    if size and _libc.mprotect(mapping.base, size, _READ_AND_WRITE):
        raise OSError(ctypes.get_errno(), f"the process has no {size} bytes of memory")
    mapping.allotment.used += size - mapping.size
    mapping.size = size


def _error(error: Exception) -> int:
    return ctypes.cast(WasmtimeError(str(error))._consume(), ctypes.c_void_p).value or 0  # noqa: SLF001


@ffi.wasmtime_memory_get_callback_t  # type: ignore[untyped-decorator]
def _look(number: int, size: Any, room: Any) -> int:
    mapping = _mappings[number]
    size[0], room[0] = mapping.size, mapping.room
    return mapping.base


@ffi.wasmtime_memory_grow_callback_t  # type: ignore[untyped-decorator]
def _grow(number: int, size: int) -> int:
    mapping = _mappings[number]
    try:
        mapping.allotment.check(size - mapping.size)
        _open(mapping, size)
    except Exception as error:  # noqa: BLE001  (C can't have it)
        return _error(error)
    return 0


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # type: ignore[untyped-decorator]
def _unmap(number: int) -> None:
    mapping = _mappings.pop(number)
    mapping.allotment.used -= mapping.size
    _libc.munmap(mapping.start, mapping.length)


@ffi.wasmtime_new_memory_callback_t  # type: ignore[untyped-decorator]
def _new(_: object, _type: object, minimum: int, _maximum: int, room: int, guard: int, place: Any) -> int:
    try:
        number = _map(minimum, room, guard)
    except Exception as error:  # noqa: BLE001  (C can't have it)
        return _error(error)
    memory = place[0]
    memory.env, memory.get_memory, memory.grow_memory, memory.finalizer = number, _look, _grow, _unmap
    return 0


_creator: Final = ffi.wasmtime_memory_creator_t(None, _new, ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p)))
_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
