"""A worker in the process of a test, on the parts of a yard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from runyard.jobs import Registration, Worker
from runyard.sandbox import Sandbox, probe
from runyard.yard import Yard

DEADLINE = 60.0


def new_worker(
    yard: Yard, registrations: Sequence[Registration], *, sandbox: Sandbox | None = None, **settings: object
) -> Worker:
    """One that is not yet at work.

    Args:
        sandbox: the best of this machine if None.
        settings: those of the yard that are to be others.
    """
    return Worker(
        registrations, settings=yard.settings.model_copy(update=settings), store=yard.jobs, tails=yard.tails,
        artifacts=yard.artifacts, signals=yard.signals, sandbox=sandbox or probe("auto"),
    )  # fmt: skip


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[Worker]:
    """At work; drained at the end."""
    ready = asyncio.Event()
    running = asyncio.create_task(worker.run(ready=ready.set), name="worker")
    async with asyncio.timeout(DEADLINE):
        await ready.wait()
    try:
        yield worker
    finally:
        async with asyncio.timeout(DEADLINE):
            await worker.drain()
            await running
