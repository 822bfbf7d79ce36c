"""Ctrl-C in a command line that works in an event loop: the work is cancelled and cleans up."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The user has pressed Ctrl-C."""


def run_interruptibly(work: Coroutine[object, object, T]) -> T:
    """Run to the end in an event loop of its own.

    Raises:
        Interrupted: Ctrl-C came first; the work has been cancelled and has cleaned up.
    """
    import asyncio

    return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[object, object, T]) -> T:
    import asyncio
    import signal
    import sys

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise Interrupted from None
    finally:
        if sys.platform != "win32":
            loop.remove_signal_handler(signal.SIGINT)
