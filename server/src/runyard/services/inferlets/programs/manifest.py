"""The manifest of a program (``Pie.toml``): what the yard reads of it. The rest is for registries and people."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Final

from runyard.services.inferlets.programs.errors import BadManifest, BadName
from runyard.services.inferlets.programs.names import ProgramName, Reference, check_part, read_reference, read_version
from runyard.sizes import KIB

LONGEST: Final = 256 * KIB
MOST_DEPENDENCIES: Final = 100


@dataclass(frozen=True, slots=True)
class Manifest:
    """A program's name and what it depends on."""

    name: ProgramName
    dependencies: tuple[Reference, ...]


def read_manifest(text: str) -> Manifest:
    """The manifest in TOML: ``[package]`` with ``name``, ``version`` and perhaps ``dependencies``.

    Raises:
        BadManifest: it can't be read, or lacks something.
        BadName: a name or version in it is none.
    """
    if len(text) > LONGEST:
        raise BadManifest(f"The manifest has {len(text)} characters; {LONGEST} are allowed.")
    if "\0" in text:
        raise BadManifest("The manifest has a NUL character in it.")
    try:
        package = tomllib.loads(text).get("package")
    except tomllib.TOMLDecodeError as error:
        raise BadManifest(f"The manifest is no TOML: {error}.") from error
    if not isinstance(package, dict):
        raise BadManifest("The manifest has no table [package].")
    full, version = (_text(package, key) for key in ("name", "version"))
    namespace, slash, name = full.partition("/")
    if not slash:
        raise BadName(f"The name {full!r} in the manifest has no namespace; write it as 'namespace/name'.")
    read_version(version)
    found = ProgramName(namespace=check_part(namespace, full), name=check_part(name, full), version=version)
    return Manifest(found, _dependencies(package.get("dependencies", [])))


def _text(package: dict[str, object], key: str) -> str:
    value = package.get(key)
    if not isinstance(value, str):
        wrong = "has no" if value is None else f"has {value!r} for a"
        raise BadManifest(f'[package] in the manifest {wrong} {key!r}; write {key} = "...".')
    return value


def _dependencies(given: object) -> tuple[Reference, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadManifest(f"'dependencies' in [package] is a list of references like 'ns/name@1.0.0', not {given!r}.")
    if len(given) > MOST_DEPENDENCIES:
        raise BadManifest(f"There are {len(given)} dependencies; {MOST_DEPENDENCIES} are allowed.")
    return tuple(read_reference(one) for one in given)
