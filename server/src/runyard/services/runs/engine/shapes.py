"""Whether a template fits the type that an operation takes, before anything has run."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, Union

import msgspec

from runyard.jobs import File
from runyard.services.runs.engine.references import FILE, REF, BadReference, Reference, find, read

Problem: TypeAlias = tuple[tuple[str, ...], str]
"""Where, and what is wrong."""

Place: TypeAlias = tuple[str, ...]
Given: TypeAlias = Callable[[object], object]
"""The type of what a ``$ref`` stands for. Raises :class:`BadReference`."""

_TEXT: Final = frozenset({"text"})
_KINDS: Final[Mapping[type, frozenset[str]]] = {
    str: _TEXT,
    Enum: _TEXT,
    bool: frozenset({"yes or no"}),  # before int, which it is one of
    int: frozenset({"number"}),
    float: frozenset({"number"}),
    type(None): frozenset({"null"}),
    File: frozenset({"file"}),  # before Struct
    msgspec.Struct: frozenset({"object"}),
    Mapping: frozenset({"object"}),
    list: frozenset({"list"}),
    tuple: frozenset({"list"}),
    set: frozenset({"list"}),
    frozenset: frozenset({"list"}),
}
_OBJECTS: Final = frozenset({dict, Mapping})
_LISTS: Final = frozenset({list, tuple, set, frozenset})


def problems(
    template: object,
    wanted: type[msgspec.Struct],
    *,
    actions: Collection[str],
    output_of: Callable[[str], type[msgspec.Struct] | None],
) -> Iterator[Problem]:
    """What of a template doesn't fit.

    Args:
        wanted: what the operation takes.
        actions: ids of the workflow's actions.
        output_of: what an action gives; None if nobody knows.
    """

    def given(reference: Reference) -> object:
        if reference.kind == "parameter":
            return Any
        if reference.kind == "file":
            return File
        assert reference.action is not None
        kind: object = output_of(reference.action) or Any
        for step in reference.path:
            kind = _field(kind, step, reference)
        return kind

    yield from _fit({} if template is None else template, wanted, (), lambda text: given(read(text, actions)))


def _fit(template: object, wanted: object, place: Place, given: Given) -> Iterator[Problem]:
    if isinstance(template, dict) and REF in template:
        yield from _fit_reference(template[REF], wanted, place, given)
    elif isinstance(template, dict) and len(template) == 1 and isinstance(template.get(FILE), dict):
        if "file" in (kinds(wanted) or {"file"}):
            yield from _fit(template[FILE], File, (*place, FILE), given)
        else:
            yield place, f"a file stands where {_words(wanted)} is wanted"
    elif _is_struct(template, wanted) or any(True for _ in find(template)) or _holds_file(template):
        yield from _fit_parts(template, _present(wanted), place, given)
    else:
        try:
            msgspec.convert(template, wanted, strict=True)
        except msgspec.ValidationError as error:
            what, _, where = str(error).replace("`", "").partition(" - at $")
            yield (*place, *(step for step in where.replace("[", ".").replace("]", "").split(".") if step)), what


def _fit_reference(text: object, wanted: object, place: Place, given: Given) -> Iterator[Problem]:
    try:
        kind = given(text)
    except BadReference as error:
        yield place, str(error)
        return
    if not _agree(kinds(kind), kinds(wanted)):
        yield place, f"{text!r} is {_words(kind)}; {_words(wanted)} is wanted"


def _fit_parts(template: object, wanted: object, place: Place, given: Given) -> Iterator[Problem]:
    """What of an object or list doesn't fit that has references somewhere in it."""
    arguments = typing.get_args(wanted)
    if isinstance(template, dict) and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        yield from _fit_fields(template, wanted, place, given)
    elif isinstance(template, dict) and _origin(wanted) in _OBJECTS:
        for name, inner in template.items():
            yield from _fit(inner, arguments[1] if arguments else Any, (*place, str(name)), given)
    elif isinstance(template, list) and _origin(wanted) in _LISTS:
        for number, inner in enumerate(template):
            yield from _fit(inner, arguments[0] if arguments else Any, (*place, str(number)), given)
    else:
        kind = "object" if isinstance(template, dict) else "list"
        if not _agree(frozenset({kind}), kinds(wanted)):
            yield place, f"a value of kind {kind} stands where {_words(wanted)} is wanted"


def _fit_fields(
    template: Mapping[str, object], wanted: type[msgspec.Struct], place: Place, given: Given
) -> Iterator[Problem]:
    fields = {one.encode_name: one for one in msgspec.structs.fields(wanted)}
    for name in template:
        if name not in fields:
            yield (*place, name), f"there is no such field; there are: {', '.join(fields)}"
    for name, one in fields.items():
        if name in template:
            yield from _fit(template[name], _hints(wanted)[one.name], (*place, name), given)
        elif one.required:
            yield (*place, name), "is missing"


def kinds(wanted: object) -> frozenset[str] | None:
    """The kinds of JSON value that a type takes; None for any."""
    wanted = _bare(wanted)
    origin = _origin(wanted)
    if origin in {Union, types.UnionType}:
        return _any_of(kinds(each) for each in typing.get_args(wanted) if each is not msgspec.UnsetType)
    if origin is Literal:
        return _any_of(_KINDS.get(type(value), _TEXT) for value in typing.get_args(wanted))
    if not isinstance(origin, type):
        return None
    return next((found for base, found in _KINDS.items() if issubclass(origin, base)), None)


def _any_of(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    every = list(found)
    return None if None in every else frozenset[str]().union(*(each for each in every if each is not None))


def _field(kind: object, step: str, reference: Reference) -> object:
    kind = _present(kind)
    origin = _origin(kind)
    if kind is Any or kind is object:
        return Any
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {one.encode_name: one.name for one in msgspec.structs.fields(kind)}
        if step not in fields:
            raise BadReference(f"$ref is {reference.text!r}: there is no {step!r}; there are: {', '.join(fields)}")
        return _hints(kind)[fields[step]]
    arguments = typing.get_args(kind)
    if origin in _OBJECTS:
        return arguments[1] if arguments else Any
    if origin in _LISTS and step.isdecimal():
        return arguments[0] if arguments else Any
    raise BadReference(f"$ref is {reference.text!r}: {_words(kind)} has no {step!r}")


def _agree(given: frozenset[str] | None, wanted: frozenset[str] | None) -> bool:
    return given is None or wanted is None or not given.isdisjoint(wanted)


def _words(kind: object) -> str:
    found = kinds(kind)
    return "anything" if found is None else " or ".join(sorted(found - {"null"}) or ["null"])


def _bare(kind: object) -> object:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def _present(kind: object) -> object:
    """The type without constraints, and without None where that leaves one."""
    kind = _bare(kind)
    if _origin(kind) in {Union, types.UnionType}:
        inner = [each for each in typing.get_args(kind) if each not in {type(None), msgspec.UnsetType}]
        return _bare(inner[0]) if len(inner) == 1 else kind
    return kind


def _origin(kind: object) -> object:
    return typing.get_origin(kind) or kind


def _is_struct(template: object, wanted: object) -> bool:
    kind = _present(wanted)
    return isinstance(template, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _holds_file(template: object) -> bool:
    if isinstance(template, dict):
        return FILE in template or any(map(_holds_file, template.values()))
    return isinstance(template, list) and any(map(_holds_file, template))


@cache
def _hints(kind: type) -> Mapping[str, object]:
    return typing.get_type_hints(kind, include_extras=True)
