"""Programs as callers give them: bytes or paths, with a manifest or without, named or by their hash."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, cast
from uuid import UUID

from ._chunks import Source, digest_of
from ._toml import parse
from .errors import UsageError

Wasm: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str]"
"""A program's bytes, or the path of its file."""

Manifest: TypeAlias = "str | os.PathLike[str]"
"""The path of a manifest; beside a program given as bytes, a `str` is the manifest's text."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def manifest_text(wasm: Wasm, manifest: Manifest | None) -> str:
    """The manifest's text with line ends as the server hashes them; empty without one. Blocks.

    Raises:
        OSError: the file can't be read.
    """
    if manifest is None:
        return ""
    if isinstance(manifest, str) and not isinstance(wasm, (str, os.PathLike)):
        return manifest
    return Path(manifest).expanduser().read_text(encoding="utf-8")


def manifest_name(text: str) -> str | None:
    """What a manifest calls its program, as `ns/name@version`; None if it doesn't say."""
    try:
        package = parse(text).get("package")
    except ValueError:
        return None
    if not isinstance(package, Mapping):
        return None
    known = cast("Mapping[str, object]", package)
    name, version = known.get("name"), known.get("version")
    return f"{name}@{version}" if isinstance(name, str) and isinstance(version, str) else None


def existence_record(program: str, wasm: Wasm | None, manifest: Manifest | None) -> str:
    """What to ask the server for. Blocks.

    Args:
        program: a name, or a hash of 64 hex digits.
        wasm: the program's file, or its hash.
        manifest: the manifest's file.

    Raises:
        UsageError: one of the two files is missing.
        OSError: a file can't be read.
    """
    if wasm is None and manifest is None:
        return program
    if isinstance(wasm, str) and is_digest(wasm) and manifest is None:
        return f"{program}#{wasm}"
    if wasm is None or manifest is None:
        raise UsageError("Give both the program's file and its manifest, or neither")
    source = Source(wasm)
    source.measure()
    return f"{program}#{source.digest}+{digest_of(manifest_text(wasm, manifest).encode())}"


def is_digest(text: str) -> bool:
    """Whether this is a hash as the protocol writes them."""
    return _DIGEST.fullmatch(text) is not None


def checked_arguments(arguments: object) -> list[str]:
    """The arguments of a launch.

    Raises:
        UsageError: they are no list of texts.
    """
    if arguments is None:
        return []
    if not isinstance(arguments, (list, tuple)):
        raise UsageError(f"arguments is a list of texts, not {arguments!r}")
    checked: list[str] = []
    for argument in arguments:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(argument, str):
            raise UsageError(f"arguments is a list of texts: {argument!r} is none")
        checked.append(argument)
    return checked


def canonical_id(instance_id: str) -> str:
    """The spelling that servers use; what is no UUID stays as it is, for the server to refuse."""
    try:
        return str(UUID(instance_id))
    except ValueError:
        return instance_id
