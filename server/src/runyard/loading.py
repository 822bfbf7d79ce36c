"""Starting with many modules: how a process of ours that stays loads them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector, which would look again and again through modules, models and routes that all stay.

    What is there at the end it leaves alone for good.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
