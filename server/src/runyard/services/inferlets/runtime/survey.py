"""What a program offers and needs, and which of its needs can't be met here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wasmtime import Engine, FuncType, Module, Store, ValType, WasmtimeError
from wasmtime import component as wc

from runyard.services.inferlets.frames import Kind
from runyard.services.inferlets.runtime import wasip2
from runyard.services.inferlets.runtime.interface import track
from runyard.services.inferlets.runtime.linking import CORE_FUNCTIONS, interfaces, link_component, link_core
from runyard.services.inferlets.surface import BadProgram, Surface

MODULE: Final = b"\0asm\x01\0\0\0"
COMPONENT: Final = b"\0asm\x0d\0\x01\0"

_STATUS: Final[tuple[list[ValType], ...]] = ([], [ValType.i32()])
"""What the entry of a core module may return."""

_REASON: Final = re.compile(r"\s+\d+: ")
_INTERFACE: Final = re.compile(r"[a-z0-9-]+:[a-z0-9-]+/")

RUN: Final = "inferlet:core/run"
COMMAND: Final = "wasi:cli/run@0.2"
ENTRIES: Final = ("_start", "run")
"""Exports of a core module that it can be run by, the first there is."""


def kind_of(content: bytes) -> Kind:
    """Whether it is a core module or a component.

    Raises:
        BadProgram: it is neither.
    """
    head = content[:8]
    if head == MODULE:
        return "module"
    if head == COMPONENT:
        return "component"
    if head[:4] == MODULE[:4]:
        version = int.from_bytes(head[4:8], "little")
        raise BadProgram(f"It is WebAssembly of version {version:#x}, which is neither a module nor a component.")
    raise BadProgram("It is no WebAssembly: a program begins with the bytes 00 61 73 6d, or as text with `(module`.")


def survey_module(engine: Engine, module: Module) -> Surface:
    """Look at a core module.

    Raises:
        BadProgram: it can't be run, whatever it imports.
    """
    imports = [f"{one.module}#{one.name}" for one in module.imports]
    exports = [one.name for one in module.exports]
    entry = next((one for name in ENTRIES for one in module.exports if one.name == name), None)
    if entry is None:
        raise BadProgram("It exports neither `_start` nor `run`, so there is nothing to run.")
    if not isinstance(entry.type, FuncType) or entry.type.params or entry.type.results not in _STATUS:
        raise BadProgram(
            f"Its export {entry.name!r} must be a function without parameters that returns nothing or an i32."
        )
    if meant := next((one for one in module.imports if _INTERFACE.match(one.module)), None):
        raise BadProgram(
            f"It is a core module, but its import {meant.module!r} is an interface of components. Make a component of"
            " it with `wasm-tools component new`."
        )
    missing = list(_missing_of_module(engine, module))
    return Surface(kind="module", imports=imports, exports=exports, missing=missing)


def survey_component(engine: Engine, component: wc.Component) -> Surface:
    """Look at a component.

    Raises:
        BadProgram: it can't be run, whatever it imports.
    """
    imports: list[str] = []
    missing: list[str] = []
    for name, item in component.type.imports(engine).items():
        imports.append(name)
        missing += _missing_of_interface(engine, name, item.ty)
    exports = list(component.type.exports(engine))
    entry = entry_of(exports)
    if entry is None:
        raise BadProgram(f"It exports neither `{RUN}` nor `wasi:cli/run`, so there is nothing to run.")
    if not _can_be_run(engine, component.type.exports(engine)[entry].ty):
        raise BadProgram(f"Its export `{entry}` must be an interface with the function `run: func() -> result`.")
    if not missing:
        missing += _misfits_of_component(engine, component)
    return Surface(kind="component", imports=imports, exports=exports, missing=missing)


def entry_of(exports: list[str]) -> str | None:
    """The exported interface a component is run by."""
    return next((name for wanted in (RUN, COMMAND) for name in exports if track(name) == wanted), None)


def _can_be_run(engine: Engine, item: object) -> bool:
    if not isinstance(item, wc.ComponentInstanceType):
        return False
    found = item.exports(engine).get("run")
    if found is None or not isinstance(found.ty, wc.FuncType) or found.ty.params:
        return False
    return found.ty.result is None or isinstance(found.ty.result, wc.ResultType)


def _missing_of_module(engine: Engine, module: Module) -> Iterator[str]:
    found = False
    for one in module.imports:
        if one.name not in CORE_FUNCTIONS.get(one.module, ()):
            found = True
            yield f"{one.module}#{one.name}"
    if not found:
        try:
            link_core(engine).instantiate_pre(module)
        except WasmtimeError as error:  # right names, wrong types
            yield str(error).splitlines()[0]


def _missing_of_interface(engine: Engine, name: str, item: object) -> Iterator[str]:
    if name.startswith(wasip2.TRAPPING):
        return
    interface = interfaces().get(track(name))
    if interface is None or not isinstance(item, wc.ComponentInstanceType):
        yield name
        return
    for function, inner in item.exports(engine).items():
        if isinstance(inner.ty, wc.FuncType) and function not in interface.functions:
            yield f"{name}#{function}"


def _misfits_of_component(engine: Engine, component: wc.Component) -> Iterator[str]:
    """Right names, wrong types: seen when an instance is made, of which nothing is run as it may have none."""
    with Store(engine) as store:
        store.set_limits(instances=0, memory_size=0)
        try:
            link_component(engine, component).instantiate(store, component)
        except WasmtimeError as error:
            first, *rest = str(error).splitlines()
            if "component imports" in first:
                yield ": ".join([first, *(_REASON.sub("", line) for line in rest if _REASON.match(line))])
