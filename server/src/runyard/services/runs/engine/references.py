"""Templates: JSON in which ``{"$ref": "..."}`` stands for a parameter of the run, or for what an earlier action gave.

::

    {"$ref": "parameters.invoice_id"}
    {"$ref": "actions.<actionId>.output.<field>"}
    {"$ref": "actions.<actionId>.files.<name>"}
    {"$file": {"sha256": "...", "name": "..."}}        a stored file, written out
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from runyard.sizes import MIB

REF: Final = "$ref"
FILE: Final = "$file"
DEEPEST: Final = 40
LARGEST: Final = 4 * MIB
"""Characters of JSON that an input may have with everything in its place."""


class BadReference(ValueError):
    """A reference can't be read. The text says why."""


class TooLarge(ValueError):
    """An input is too large with everything in its place. The text says so."""


class Unresolved(LookupError):
    """What a reference names isn't there. The text says what."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands behind a ``$ref``."""

    text: str
    kind: Literal["parameter", "output", "file"]
    action: str | None
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What references can be resolved with.

    Attributes:
        parameters: those of the run.
        outputs: of the actions that have ended.
        files: of the actions that have ended, by name; each as ``{"sha256", "name", "size"}``.
    """

    parameters: Mapping[str, object]
    outputs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)


def read(value: object, actions: Collection[str]) -> Reference:
    """The reference that is written as ``value``.

    Args:
        actions: the ids there are. They may have dots in them; the longest that fits counts.

    Raises:
        BadReference: it can't be read.
    """
    if not isinstance(value, str):
        raise BadReference(f"$ref is {value!r:.100}: it is a text such as 'parameters.invoice_id'")
    if value == "parameters" or value.startswith("parameters."):
        return Reference(value, "parameter", None, tuple(value.split(".")[1:]))
    if not value.startswith("actions."):
        raise BadReference(f"$ref is {value!r:.100}: it begins with 'parameters.' or 'actions.<actionId>.'")
    rest = value.removeprefix("actions.")
    for action in sorted(actions, key=len, reverse=True):
        if rest == f"{action}.output" or rest.startswith(f"{action}.output."):
            return Reference(value, "output", action, tuple(rest.removeprefix(f"{action}.output").split(".")[1:]))
        if rest.startswith(f"{action}.files."):
            return Reference(value, "file", action, (rest.removeprefix(f"{action}.files."),))
    raise BadReference(
        f"$ref is {value!r:.100}: it names no action of this workflow with '.output' or '.files.<name>' behind it"
    )


def is_reference(value: object) -> bool:
    """Whether a value stands for another."""
    return isinstance(value, dict) and REF in value


def find(template: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every ``$ref`` of a template: its place, and what is written there.

    Raises:
        BadReference: a reference stands among other fields, or the template is too deep.
    """
    if len(place) > DEEPEST:
        raise BadReference(f"The input is nested more than {DEEPEST} levels deep")
    if isinstance(template, dict):
        if REF in template:
            if len(template) > 1:
                other = sorted(str(name) for name in template if name != REF)
                raise BadReference(f"$ref stands beside {other[0]!r:.100}: an object with $ref has nothing else in it")
            yield place, template[REF]
            return
        for name, inner in template.items():
            yield from find(inner, (*place, str(name)))
    elif isinstance(template, list):
        for number, inner in enumerate(template):
            yield from find(inner, (*place, str(number)))


def resolve(template: object, scope: Scope, actions: Collection[str], *, partly: bool = False) -> object:
    """The template with everything in its place, files as plain objects.

    Args:
        partly: leave what actions have not given yet as it is written.

    Raises:
        Unresolved: something isn't there.
        BadReference: something can't be read.
        TooLarge: what is referred to is too much.
    """
    found = _resolve(template, scope, actions, partly=partly)
    if _is_larger(found, LARGEST):
        raise TooLarge(f"The input has more than {LARGEST} characters with everything in its place")
    return found


def _resolve(template: object, scope: Scope, actions: Collection[str], *, partly: bool) -> object:
    if isinstance(template, dict):
        if REF in template:
            reference = read(template[REF], actions)
            if partly and reference.action is not None and reference.action not in scope.outputs:
                return template
            return _look_up(reference, scope)
        return {name: _resolve(inner, scope, actions, partly=partly) for name, inner in template.items()}
    if isinstance(template, list):
        return [_resolve(inner, scope, actions, partly=partly) for inner in template]
    return template


def _is_larger(value: object, most: int) -> bool:
    """Whether a value would be longer than so much JSON. What stands in it often is one object until it is written."""
    left, size = [value], 0
    while left and size <= most:
        one = left.pop()
        size += 2
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, Mapping):
            size += sum(map(len, one))
            left += one.values()
        elif isinstance(one, list):
            left += one
    return size > most


def _look_up(reference: Reference, scope: Scope) -> object:
    if reference.kind == "parameter":
        return _walk(scope.parameters, reference)
    assert reference.action is not None
    if reference.action not in scope.outputs:
        raise Unresolved(f"{reference.text!r}: the action {reference.action!r} has given nothing")
    if reference.kind == "output":
        return _walk(scope.outputs[reference.action], reference)
    files = scope.files.get(reference.action, {})
    found = files.get(reference.path[0])
    if found is None:
        there = ", ".join(sorted(files)[:10]) or "none"
        raise Unresolved(f"{reference.text!r}: there is no such file; there are: {there}")
    return {FILE: dict(found)}


def _walk(value: object, reference: Reference) -> object:
    for step in reference.path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Unresolved(f"{reference.text!r}: there is no {step!r}")
    return value


def files_in(value: object) -> Iterator[Mapping[str, object]]:
    """Every ``{"$file": {...}}`` in a resolved value."""
    if isinstance(value, dict):
        if isinstance(inner := value.get(FILE), dict) and len(value) == 1:
            yield inner
            return
        for each in value.values():
            yield from files_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from files_in(each)


def without_marks(value: object) -> object:
    """A resolved value with ``{"$file": {...}}`` as the plain object that operations take."""
    if isinstance(value, dict):
        if isinstance(inner := value.get(FILE), dict) and len(value) == 1:
            return inner
        return {name: without_marks(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_marks(each) for each in value]
    return value
