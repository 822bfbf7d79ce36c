"""Memory that bytes pass through is kept for the next ones."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

from runyard.sizes import MIB

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Numbers of two parameters of glibc's ``mallopt``."""

LARGE: Final = 4 * MIB
"""Bytes that are mapped by themselves, and given back as soon as they are free."""

KEPT: Final = 32 * MIB
"""Free bytes at the end of the heap that aren't given back."""


def keep_memory() -> None:
    """Have this process keep up to :data:`KEPT` of free memory, where the C library can be told so.

    A large body comes in pieces. By default the pages of each lot of them go back to the kernel as soon as it is
    written, and the next lot is given new ones, zeroed one fault at a time: that takes more time than the bytes do.
    """
    if sys.platform != "linux":
        return
    try:
        tune = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    tune(_MMAP_THRESHOLD, LARGE)
    tune(_TRIM_THRESHOLD, KEPT)
