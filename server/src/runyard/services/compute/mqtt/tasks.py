"""Stopping tasks that run for the life of a process."""

from __future__ import annotations

import asyncio
from typing import Final

_AGAIN: Final = 0.1


async def stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks and wait until they have ended.

    Asks again if need be: before Python 3.12, ``asyncio.wait_for`` forgets a cancellation that comes together with what
    it waited for, and ``aiomqtt`` uses it.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN)
