"""Linkers with everything programs may import."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from wasmtime import Engine, Linker
from wasmtime import component as wc

from runyard.services.inferlets.runtime import core, plain, wasip1, wasip2
from runyard.services.inferlets.runtime.interface import Interface, define_interface, track
from runyard.services.inferlets.runtime.resources import ResourceKind

CORE_FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    wasip1.MODULE: frozenset((*wasip1.FUNCTIONS, "proc_exit")),
    plain.MODULE: frozenset(plain.FUNCTIONS),
}
"""What core modules may import."""


@cache
def interfaces() -> Mapping[str, Interface]:
    """What components may import, by name and as much of the version as matters."""
    return {track(one.name): one for one in (*wasip2.INTERFACES, *core.INTERFACES)}


@cache
def link_core(engine: Engine) -> Linker:
    """The linker of all core modules."""
    linker = Linker(engine)
    wasip1.define_wasip1(linker)
    plain.define_plain(linker)
    return linker


def link_component(engine: Engine, component: wc.Component) -> wc.Linker:
    """A linker for one component: with its imports only, and traps for what it never comes to use."""
    linker = wc.Linker(engine)
    strange = False
    for name, item in component.type.imports(engine).items():
        if (interface := interfaces().get(track(name))) is not None:
            define_interface(linker, name, interface)  # by the very name: what traps is decided by names
        else:
            strange = True
            define_interface(linker, name, Interface(name=name, resources=_shared(engine, item.ty), functions={}))
    if strange:
        linker.define_unknown_imports_as_traps(component)
    return linker


def _shared(engine: Engine, item: Any) -> Mapping[str, ResourceKind]:
    """The resources an interface that traps has in common with those that don't: they must be of one type."""
    if not isinstance(item, wc.ComponentInstanceType):
        return {}
    return {
        name: wasip2.SHARED[name]
        for name, inner in item.exports(engine).items()
        if isinstance(inner.ty, wc.ResourceType) and name in wasip2.SHARED
    }
