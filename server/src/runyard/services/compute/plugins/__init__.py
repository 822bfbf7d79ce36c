"""The plugins that come with the yard, and the way to all that are installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import structlog

from runyard.services.compute.plugin import GROUP, Plugin

log = structlog.get_logger(__name__)


@cache
def installed() -> Mapping[str, Plugin[Any]]:
    """Every plugin by its name. One that can't be imported is left out, with a word in the log."""
    found: dict[str, Plugin[Any]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
        except Exception as error:  # noqa: BLE001  (somebody else's module: anything may come out of it)
            why = f"{type(error).__name__}: {error}"
            log.warning("plugin_broken", plugin=entry.name, module=entry.value, error=why)
            continue
        if not isinstance(loaded, Plugin) or loaded.name != entry.name:
            log.error("plugin_refused", plugin=entry.name, module=entry.value, found=repr(loaded)[:200])
        else:
            found[loaded.name] = loaded
    return found
