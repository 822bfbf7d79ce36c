"""The process in the sandbox that looks at an uploaded program and compiles it. It runs nothing of it.

``python -m runyard.services.inferlets.runtime.compile PROGRAM COMPILED REPORT``: three files, the last two to be made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from wasmtime import Module, WasmtimeError
from wasmtime import component as wc

from runyard.services.inferlets.runtime.engine import new_engine
from runyard.services.inferlets.runtime.survey import kind_of, survey_component, survey_module
from runyard.services.inferlets.surface import BadProgram, Compiled, Surface


def main(program: str, compiled: str, report: str) -> None:
    """Look, compile, tell."""
    try:
        found = Compiled(surface=_compile(Path(program).read_bytes(), Path(compiled)))
    except BadProgram as error:
        found = Compiled(problem=str(error))
    except WasmtimeError as error:
        found = Compiled(problem=f"It can't be compiled: {error}"[:2000])
    Path(report).write_bytes(msgspec.json.encode(found))


def _compile(content: bytes, target: Path) -> Surface:
    engine = new_engine()
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
