"""Units of size. Apart from the settings, for processes that must start quickly and need none."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
