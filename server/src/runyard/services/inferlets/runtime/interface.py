"""How a host interface of the component model is written down, and offered to a linker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wasmtime import component as wc

from runyard.services.inferlets.runtime.here import here
from runyard.services.inferlets.runtime.native import ComponentFunction, define_component
from runyard.services.inferlets.runtime.resources import ResourceKind
from runyard.services.inferlets.runtime.values import Type, lift

_VERSION: Final = re.compile(r"@(\d+)\.(\d+)\..*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface: its resources, and its functions with the types of their results."""

    name: str
    resources: Mapping[str, ResourceKind] = field(default_factory=dict)
    functions: Mapping[str, tuple[Callable[..., Any], Type | None]]


def define_interface(linker: wc.Linker, name: str, interface: Interface) -> None:
    """Offer an interface under a name to the components of a linker."""
    with linker.root() as root, root.add_instance(name) as instance:
        for resource, kind in interface.resources.items():
            instance.add_resource(resource, wc.ResourceType.host(kind), _drop)
        for function_name, (function, result) in interface.functions.items():
            define_component(instance, function_name, _called(function, result))


def track(name: str) -> str:
    """A name with as much of its version as matters: ``wasi:io/poll@0.2.4`` and ``@0.2.6`` are one interface."""
    return _VERSION.sub(lambda found: f"@{found[1]}" if found[1] != "0" else f"@0.{found[2]}", name)


def _called(function: Callable[..., Any], result: Type | None) -> ComponentFunction:
    def call(context: Any, args: Any, count: int, results: Any) -> None:
        here.guest.check()
        value = function(*[lift(context, args[number]) for number in range(count)])
        if result is not None:
            result.put(context, value, results[0])

    return call


def _drop(_store: object, number: int) -> None:
    here.resources.drop(number)
