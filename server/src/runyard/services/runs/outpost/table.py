"""What a machine can do: its owner's table of operations and the commands that do them.

::

    slots = 2

    [operations."invoice:create"]
    command = ["python3", "create_invoice.py"]
    folder = "/srv/ledger"
    seconds = 300
    environment = { LEDGER = "main" }
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

OPERATION: Final = re.compile(r"[a-z][a-z0-9-]*:[a-zA-Z][a-zA-Z0-9_-]*")


class TableUnusable(Exception):
    """The table can't be read. The text says what is wrong and where."""


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that the machine can do.

    Attributes:
        command: program and arguments; no shell reads them. It gets the input as JSON on its standard input.
        folder: where it starts.
        seconds: how long it may take.
    """

    command: Annotated[list[str], Meta(min_length=1, max_length=1000)]
    folder: str | None = None
    seconds: Annotated[float, Meta(gt=0)] = 3600.0
    environment: dict[str, str] = {}


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the machine can do, and how much of it at once."""

    operations: Annotated[Mapping[str, Operation], Meta(min_length=1, max_length=500)]
    slots: Annotated[int, Meta(ge=1, le=1000)] = 1


def read_table(path: Path) -> Table:
    """Read a machine's table.

    Raises:
        TableUnusable: it isn't there, or isn't one.
    """
    try:
        table = msgspec.convert(tomllib.loads(path.read_text()), Table)
    except OSError as error:
        what = "It says what this machine can do, see docs/guides/machines.md; --table names another file."
        raise TableUnusable(f"{path} can't be read ({error.strerror}). {what}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise TableUnusable(f"{path} is no table of operations: {error}.") from error
    for name, operation in table.operations.items():
        if OPERATION.fullmatch(name) is None:
            raise TableUnusable(f"{path}: {name!r} is no operation; write entity:verb, such as invoice:create.")
        if operation.folder is not None and not Path(operation.folder).is_dir():
            raise TableUnusable(f"{path}: the folder of {name!r}, {operation.folder!r}, is not there.")
    return table
