"""The process in the sandbox that assembles, looks at and compiles an uploaded program. It runs nothing of it.

``python -m runyard.services.inferlets.runtime.compile PROGRAM COMPILED REPORT``: three files, the last two to be made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec
from wasmtime import Engine, Module, WasmtimeError, wat2wasm
from wasmtime import component as wc

from runyard.services.inferlets.runtime.engine import new_engine
from runyard.services.inferlets.runtime.survey import COMPONENT, MODULE, kind_of, survey_component, survey_module
from runyard.services.inferlets.surface import BadProgram, Compiled, Surface

LONGEST: Final = 2000
"""Characters of a complaint."""

TEXT: Final = (b"(", b";;")
"""What a program in text begins with, after blanks."""


def main(program: str, compiled: str, report: str) -> None:
    """Look, compile, tell."""
    try:
        found = Compiled(surface=_compile(Path(program).read_bytes(), Path(compiled)))
    except BadProgram as error:
        found = Compiled(problem=str(error))
    except WasmtimeError as error:
        found = Compiled(problem=f"It can't be compiled: {error}"[:LONGEST])
    Path(report).write_bytes(msgspec.json.encode(found))


def _compile(content: bytes, target: Path) -> Surface:
    engine = new_engine()
    binary = _assemble(content)
    try:
        return _compile_binary(engine, binary, target)
    except WasmtimeError:
        _look_whether_mislabelled(engine, binary)
        raise


def _assemble(content: bytes) -> bytes:
    """The binary form: text is assembled, which tells line and column of what is wrong in it."""
    if not content.lstrip().startswith(TEXT):
        return content
    try:
        return bytes(wat2wasm(content))
    except WasmtimeError as error:
        said = str(error).replace("<anon>", "program.wat")
        raise BadProgram(f"Its text can't be assembled: {said}"[:LONGEST]) from error


def _look_whether_mislabelled(engine: Engine, binary: bytes) -> None:
    """Raise BadProgram if it is a module under a component's first bytes, or the reverse."""
    labelled, actual, head = "module", "component", COMPONENT
    if binary.startswith(COMPONENT):
        labelled, actual, head = "component", "module", MODULE
    try:
        (Module if actual == "module" else wc.Component)(engine, head + binary[len(head) :])
    except WasmtimeError:
        return
    raise BadProgram(f"Its first bytes say that it is a {labelled}, but what follows is a {actual}.")


def _compile_binary(engine: Engine, content: bytes, target: Path) -> Surface:
    if kind_of(content) == "module":
        module = Module(engine, content)
        surface = survey_module(engine, module)
        code = module.serialize()
    else:
        component = wc.Component(engine, content)
        surface = survey_component(engine, component)
        code = component.serialize()
    target.write_bytes(code)
    return surface


if __name__ == "__main__":
    main(*sys.argv[1:])
