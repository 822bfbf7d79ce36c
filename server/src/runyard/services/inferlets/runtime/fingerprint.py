"""What compiled code depends on besides its program. Does not load the engine."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from typing import Final

STACK: Final = 1024 * 1024
"""Bytes of stack a program may use; its thread has more."""

CONFIG: Final = f"fuel epochs no-threads no-concurrency own-memories stack={STACK}"


@cache
def fingerprint() -> str:
    """Names version, configuration and machine."""
    parts = (version("wasmtime"), CONFIG, platform.machine())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
