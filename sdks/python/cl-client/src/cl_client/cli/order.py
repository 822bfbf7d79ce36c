"""What a media command asks for: a plugin, files, parameters, and what to do with the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cl_client._fields import FieldValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a command wants of its jobs beside what all commands want.

    Attributes:
        params: parameters of the plugin; those that are None are left to the server.
        plugin: the plugin, where the command leaves it open.
        draw: where to put copies with faces drawn on them; None for none.
        sheet: where to put a contact sheet of the results; None for none.
    """

    params: Mapping[str, FieldValue]
    plugin: str = ""
    draw: str | None = None
    sheet: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Work to do.

    Attributes:
        inputs: files, folders and patterns.
        suffixes: which files of a folder are meant; all if there are none.
        timeout: seconds to wait for each job; 0 for as long as it takes.
        output: where results go: a file, or a folder where there are several.
        detach: submit only.
        concurrency: most jobs under way at once.
    """

    plugin: str
    inputs: list[str]
    suffixes: frozenset[str]
    wishes: Wishes
    watch: bool
    timeout: float
    output: str | None
    as_json: bool
    priority: int
    detach: bool
    concurrency: int
