"""The event loop that callbacks run on, as the broker's thread sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Home:
    """The loop that was running when somebody first came with one. Without any, everything runs where it comes up."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.adopt()

    def adopt(self) -> None:
        """Take the running loop, unless there is one that is still open."""
        if self.loop is None or self.loop.is_closed():
            self.loop = running_loop()

    def run(self, function: Callable[[], object]) -> None:
        """Call it on the loop: at once when that is where we are, or when there is none."""
        if self.loop is None or self.loop is running_loop():
            function()
            return
        with suppress(RuntimeError):  # the loop has been closed: there is nobody left to tell
            self.loop.call_soon_threadsafe(function)

    def soon(self, function: Callable[[], object]) -> None:
        """Call it after the present step."""
        if self.loop is None:
            function()
        else:
            self.loop.call_soon(function)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
