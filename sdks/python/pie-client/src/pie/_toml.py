"""Reading TOML: Python itself can from 3.11 on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

_LIBRARY: Final = "tomllib" if sys.version_info >= (3, 11) else "tomli"


def parse(text: str) -> dict[str, object]:
    """What a text says.

    Raises:
        ValueError: it is no TOML.
    """
    loads = cast("Callable[[str], dict[str, object]]", getattr(import_module(_LIBRARY), "loads"))  # noqa: B009 - typed here
    return loads(text)
