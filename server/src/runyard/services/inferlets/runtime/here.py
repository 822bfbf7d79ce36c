"""The instance whose thread this is: host functions are shared by all programs of a process."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

from wasmtime import Memory, Store

from runyard.services.inferlets.runtime.guest import Guest, HostRefusal

if TYPE_CHECKING:
    from runyard.services.inferlets.runtime.resources import Resources


class Here(threading.local):
    """What the thread's instance has. ``memory`` and ``held`` are for core modules, ``resources`` for components."""

    guest: Guest
    store: Store
    memory: Memory | None = None
    held: bytes = b""
    """What the last function of the plain interface had to give: the program takes it when it has room."""

    resources: Resources


here = Here()


def read(start: int, size: int) -> bytes:
    """A piece of the program's memory."""
    address = _place(start, size)
    return ctypes.string_at(address, size & 0xFFFFFFFF) if size else b""


def write(start: int, content: bytes) -> None:
    """Put something into the program's memory."""
    if content:
        ctypes.memmove(_place(start, len(content)), content, len(content))


def read_text(start: int, size: int) -> str:
    """Text in the program's memory; what is no UTF-8 is replaced."""
    return read(start, size).decode(errors="replace")


def _place(start: int, size: int) -> int:
    start, size = start & 0xFFFFFFFF, size & 0xFFFFFFFF
    memory = here.memory
    if memory is None:
        raise HostRefusal('the program exports no memory named "memory"')
    if start + size > memory.data_len(here.store):
        raise HostRefusal(f"bytes {start} to {start + size} are outside of the program's memory")
    return ctypes.addressof(memory.data_ptr(here.store).contents) + start
