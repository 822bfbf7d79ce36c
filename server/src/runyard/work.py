"""``runyard worker``: a process that runs jobs and serves nothing."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog

from runyard.jobs import Registration, Worker
from runyard.logs import configure_logs
from runyard.sandbox import Sandbox, probe
from runyard.services.ci import executor as ci
from runyard.settings import Settings
from runyard.yard import open_yard

log = structlog.get_logger(__name__)


def registrations(settings: Settings, sandbox: Sandbox) -> list[Registration]:
    """The executors of every service."""
    return [*ci.registrations(settings, sandbox)]


async def work(settings: Settings, *, kinds: list[str] | None = None, supervised: bool = False) -> None:
    """Run jobs until SIGINT, SIGTERM or, when supervised, until the supervisor is gone.

    Args:
        kinds: kinds of jobs to run; all of them by default.
        supervised: stdin is a pipe from the supervisor, and its end means that it has died.

    Raises:
        SandboxUnavailable: other people's code can't be confined on this machine.
        LookupError: ``kinds`` names one that no service runs.
    """
    configure_logs(settings)
    sandbox = await asyncio.to_thread(probe, settings.sandbox)
    log.info("sandbox", name=sandbox.name, description=sandbox.description)
    async with open_yard(settings, application="runyard worker") as yard:
        available = registrations(settings, sandbox)
        known = {one.kind for one in available}
        if unknown := set(kinds or ()) - known:
            raise LookupError(f"No service runs jobs of kind {min(unknown)!r}; there are: {', '.join(sorted(known))}.")
        worker = Worker(
            [one for one in available if not kinds or one.kind in kinds],
            settings=settings,
            store=yard.jobs,
            tails=yard.tails,
            artifacts=yard.artifacts,
            signals=yard.signals,
            sandbox=sandbox,
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if supervised:
            loop.add_reader(
                sys.stdin.fileno(), stop.set
            )  # nothing is ever written to it: it becomes readable at its end
        running = asyncio.create_task(worker.run(ready=lambda: log.info("worker_ready", kinds=sorted(known))))
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        if supervised:
            loop.remove_reader(sys.stdin.fileno())
        asked.cancel()
        await worker.drain()
        await running
