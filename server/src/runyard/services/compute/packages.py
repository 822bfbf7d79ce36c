"""Whether what a plugin imports is installed: the heavy packages come with extras."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path


def absent(*modules: str, extra: str) -> str | None:
    """What to say of modules that can't be imported; None if all are there."""
    missing = [module for module in modules if find_spec(module) is None]
    if not missing:
        return None
    are = "is" if len(missing) == 1 else "are"
    return f"{' and '.join(missing)} {are} not installed: pip install 'runyard[{extra}]'"


def requires(*modules: str) -> Callable[[Path], str | None]:
    """For a plugin's ``missing``: these modules, which come with ``runyard[media]``."""
    return lambda _models: absent(*modules, extra="media")
