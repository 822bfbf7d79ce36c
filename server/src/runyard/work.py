"""``runyard worker``: a process that runs jobs and serves nothing."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog

from runyard import offers
from runyard.allocator import keep_memory
from runyard.jobs import Worker
from runyard.logs import configure_logs
from runyard.sandbox import probe
from runyard.services.ci import executor as ci
from runyard.services.compute.executor import open_media
from runyard.services.compute.mqtt.open import announce_worker
from runyard.services.compute.words import PREFIX
from runyard.services.inferlets.executor import open_inferlets
from runyard.services.runs.engine.open import open_runs
from runyard.services.sessions.agents.models import read_models
from runyard.services.sessions.executor import open_sessions
from runyard.settings import Settings
from runyard.text import open_text
from runyard.yard import open_yard

log = structlog.get_logger(__name__)


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
    keep_memory()
    sandbox = await asyncio.to_thread(probe, settings.sandbox)
    log.info("sandbox", name=sandbox.name, description=sandbox.description)
    models = await asyncio.to_thread(read_models, settings)
    async with (
        open_yard(settings, application="runyard worker") as yard,
        open_media(settings, sandbox) as media,
        open_text(settings, sandbox) as text,
        open_inferlets(yard, sandbox, text) as inferlets,
        open_sessions(yard, sandbox, text) as sessions,
        open_runs(yard, offers.offered(yard, programs=inferlets.programs, models=models)) as runs,
    ):
        available = [
            *ci.registrations(settings, sandbox), *media.registrations, *inferlets.registrations, *sessions, *runs,
        ]  # fmt: skip
        known = {one.kind for one in available}
        if unknown := set(kinds or ()) - known:
            raise LookupError(f"No service runs jobs of kind {min(unknown)!r}; there are: {', '.join(sorted(known))}.")
        wanted = [one for one in available if not kinds or one.kind in kinds]
        offered = [name for name in media.task_types if not kinds or f"{PREFIX}{name}" in kinds]
        worker = Worker(
            wanted,
            settings=settings,
            store=yard.jobs,
            tails=yard.tails,
            artifacts=yard.artifacts,
            signals=yard.signals,
            sandbox=sandbox,
        )
        stop = _stop_signal(supervised=supervised)
        running = asyncio.create_task(
            worker.run(ready=lambda: log.info("worker_ready", kinds=sorted(one.kind for one in wanted)))
        )
        if offered:
            warming = asyncio.create_task(media.hosts.warm(), name="warm up")
            warming.add_done_callback(lambda task: task.cancelled() or task.exception())
        if any(one in inferlets.registrations for one in wanted):
            readying = asyncio.create_task(inferlets.hosts.warm(), name="first instance process")
            readying.add_done_callback(lambda task: task.cancelled() or task.exception())
        async with announce_worker(settings, task_types=offered, idle=lambda: media.hosts.free, clock=yard.clock):
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
        await worker.drain()
        await running


def _stop_signal(*, supervised: bool) -> asyncio.Event:
    """Set by SIGINT and SIGTERM, and when the supervisor is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def supervisor_gone() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stop.set()

    if supervised:  # nothing is ever written to it: it becomes readable at its end
        loop.add_reader(sys.stdin.fileno(), supervisor_gone)
    return stop
