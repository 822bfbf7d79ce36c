"""Programs compiled where they lie in memory.

The engine's own constructors copy them first, which takes longer than it takes to compile a large program of few
functions.
"""

from __future__ import annotations

import ctypes
from mmap import mmap
from typing import Any

from wasmtime import Engine, Module, WasmtimeError, _ffi
from wasmtime import component as wc


def uncopied_module(engine: Engine, content: bytes | mmap) -> Module:
    """Compile a core module. A map has to be a private one: those of others can't be pointed into.

    Raises:
        WasmtimeError: it is none.
    """
    return Module._from_ptr(_made(_ffi.wasmtime_module_new, _ffi.wasmtime_module_t, engine, content))  # noqa: SLF001


def uncopied_component(engine: Engine, content: bytes | mmap) -> wc.Component:
    """Compile a component.

    Raises:
        WasmtimeError: it is none.
    """
    return wc.Component._from_ptr(  # noqa: SLF001
        _made(_ffi.wasmtime_component_new, _ffi.wasmtime_component_t, engine, content)
    )


def _made(make: Any, kind: type[Any], engine: Engine, content: bytes | mmap) -> Any:
    made = ctypes.POINTER(kind)()
    place = (
        ctypes.cast(ctypes.c_char_p(content), ctypes.POINTER(ctypes.c_uint8))
        if isinstance(content, bytes)
        else (ctypes.c_uint8 * len(content)).from_buffer(content)
    )
    if error := make(engine.ptr(), place, len(content), ctypes.byref(made)):
        raise WasmtimeError._from_ptr(error)  # noqa: SLF001
    return made
