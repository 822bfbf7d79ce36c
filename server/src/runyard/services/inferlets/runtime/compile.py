"""The process in the sandbox that assembles, looks at and compiles an uploaded program. It runs nothing of it.

``python -m runyard.services.inferlets.runtime.compile ORDERS REPORTS FOLDER``: two named pipes, and the folder with the
program, where its code is to be put. It does that once.
"""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3
from wasmtime import Engine, Module, WasmtimeError, wat2wasm
from wasmtime import component as wc

from runyard.services.inferlets.runtime.engine import new_engine
from runyard.services.inferlets.runtime.survey import COMPONENT, MODULE, kind_of, survey_component, survey_module
from runyard.services.inferlets.runtime.uncopied import uncopied_component, uncopied_module
from runyard.services.inferlets.surface import BadProgram, Compile, Compiled, Surface, order_frames, report_frames

Bytes: TypeAlias = "bytes | mmap.mmap"
"""A program in memory, or mapped: then only those of its pages are read that somebody looks at."""

LONGEST: Final = 2000
"""Characters of a complaint."""

BINARY: Final = b"\0asm"
TEXT: Final = (b"(", b";;")
"""What a program in text begins with, after blanks."""


def main(orders: str, reports: str, folder: str) -> None:
    """Look, compile, tell."""
    engine = new_engine()
    with Path(orders).open("rb") as incoming, report_frames.sender(reports) as tell:
        tell(Compiled())  # it is ready
        if (order := order_frames.read(incoming)) is not None:
            tell(_made(engine, order, Path(folder)))
            order_frames.read(incoming)  # the worker ends this process once it has what it wants


def _made(engine: Engine, order: Compile, folder: Path) -> Compiled:
    try:
        content = _read(folder / "program", order.blake3)
        return Compiled(surface=_compile(engine, content, folder / "compiled"))
    except BadProgram as error:
        return Compiled(problem=str(error))
    except WasmtimeError as error:
        return Compiled(problem=f"It can't be compiled: {error}"[:LONGEST])


def _read(program: Path, digest: str) -> Bytes:
    with program.open("rb") as file:
        empty = os.fstat(file.fileno()).st_size == 0
        content = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    if blake3(content, max_threads=blake3.AUTO).hexdigest() != digest:
        raise BadProgram("What is kept of it is not what was uploaded; upload it again.")
    return content


def _compile(engine: Engine, content: Bytes, target: Path) -> Surface:
    binary = _assemble(content)
    try:
        return _compile_binary(engine, binary, target)
    except WasmtimeError:
        _look_whether_mislabelled(engine, binary)
        raise


def _assemble(content: Bytes) -> Bytes:
    """The binary form: text is assembled, which tells line and column of what is wrong in it."""
    if content[: len(BINARY)] == BINARY:
        return content
    text = bytes(content)
    if not text.lstrip().startswith(TEXT):
        return text
    try:
        return bytes(wat2wasm(text))
    except WasmtimeError as error:
        said = str(error).replace("<anon>", "program.wat")
        raise BadProgram(f"Its text can't be assembled: {said}"[:LONGEST]) from error


def _look_whether_mislabelled(engine: Engine, binary: Bytes) -> None:
    """Raise BadProgram if it is a module under a component's first bytes, or the reverse."""
    labelled, actual, head = "module", "component", COMPONENT
    if binary[: len(COMPONENT)] == COMPONENT:
        labelled, actual, head = "component", "module", MODULE
    try:
        (Module if actual == "module" else wc.Component)(engine, head + binary[len(head) :])
    except WasmtimeError:
        return
    raise BadProgram(f"Its first bytes say that it is a {labelled}, but what follows is a {actual}.")


def _compile_binary(engine: Engine, content: Bytes, target: Path) -> Surface:
    if kind_of(content[: len(MODULE)]) == "module":
        module = uncopied_module(engine, content)
        surface = survey_module(engine, module)
        code = module.serialize()
    else:
        component = uncopied_component(engine, content)
        surface = survey_component(engine, component)
        code = component.serialize()
    target.write_bytes(code)
    return surface


if __name__ == "__main__":
    main(*sys.argv[1:])
