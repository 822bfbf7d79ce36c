"""Programs in the form they are run in: compiled code, mapped from its file, with its imports resolved."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from typing import Final

from wasmtime import Engine, Func, Memory, Module, Store
from wasmtime import component as wc

from runyard.services.inferlets.frames import Kind
from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.linking import link_component, link_core
from runyard.services.inferlets.runtime.survey import ENTRIES, entry_of

KEPT: Final = 64
"""Programs a process keeps ready; of the others the least used must be mapped again."""


class Failed(Exception):
    """The program ended by itself with an error. The text is its own."""


class Program(ABC):
    """A program that can be run in a store."""

    @abstractmethod
    def run(self, store: Store) -> None:
        """Run it to its end.

        Raises:
            Failed: it said that it failed.
            WasmtimeError, Trap: it broke down, or was stopped.
        """


class CoreProgram(Program):
    """A core module."""

    def __init__(self, engine: Engine, path: Path) -> None:
        module = Module.deserialize_file(engine, str(path))
        self._ready = link_core(engine).instantiate_pre(module)
        names = {one.name for one in module.exports}
        self._entry = next(name for name in ENTRIES if name in names)

    def run(self, store: Store) -> None:
        """See :class:`Program`. A number that ``run`` returns is an exit status."""
        exports = self._ready.instantiate(store).exports(store)
        memory = exports.get("memory")
        here.memory = memory if isinstance(memory, Memory) else None
        entry = exports[self._entry]
        assert isinstance(entry, Func)
        status = entry(store)
        if isinstance(status, int) and status:
            here.guest.exit(status)


class ComponentProgram(Program):
    """A component."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._component = wc.Component.deserialize_file(engine, str(path))
        kind = self._component.type
        self._linker = link_component(engine, self._component)
        entry = entry_of(list(kind.exports(engine)))
        assert entry is not None
        interface = self._component.get_export_index(entry)
        assert interface is not None
        self._run = self._component.get_export_index("run", interface)

    def run(self, store: Store) -> None:
        """See :class:`Program`."""
        instance = self._linker.instantiate(store, self._component)
        assert self._run is not None
        function = instance.get_func(store, self._run)
        assert function is not None
        found = function(store)
        match found:
            case wc.Variant(tag="err", payload=payload):
                raise Failed(str(payload) if payload is not None else "the program says that it failed")
            case str():
                raise Failed(found)


class Programs:
    """The programs of one process. Its threads share them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._kept: OrderedDict[str, Program] = OrderedDict()
        self._loading = threading.Lock()

    def get(self, file: str, kind: Kind) -> Program:
        """The program in a file of the folder.

        Raises:
            FileNotFoundError: it isn't there.
            WasmtimeError: it isn't what this engine has compiled.
        """
        with self._loading:
            program = self._kept.get(file)
            if program is None:
                path = self._folder / file
                path.stat()
                program = CoreProgram(self._engine, path) if kind == "module" else ComponentProgram(self._engine, path)
                self._kept[file] = program
            self._kept.move_to_end(file)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return program
