"""The workers, as their announcements tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from pydantic import ValidationError

from .config import ComputeClientConfig
from .exceptions import WorkerUnavailableError
from .models import WorkerCapabilitiesResponse, WorkerCapability

log = logging.getLogger("cl_client")

WorkerCallback = Callable[[str, WorkerCapability | None], object]
"""Called with a worker's id and what it offers; None when it has gone."""

Ask = Callable[[], Awaitable[WorkerCapabilitiesResponse]]

_CHECK: Final = ComputeClientConfig.WORKER_CAPABILITY_CHECK_INTERVAL


class WorkerBoard:
    """Who is there, and whom to tell.

    Args:
        ask: asks the server, for when the broker doesn't tell; None if there is none to ask.
        told: whether the broker tells now.
    """

    def __init__(self, *, ask: Ask | None, told: Callable[[], bool]) -> None:
        self.workers: dict[str, WorkerCapability] = {}
        self.listeners: list[WorkerCallback] = []
        self._ask = ask
        self._told = told
        self._waiting: set[asyncio.Event] = set()

    def take(self, worker_id: str, announcement: dict[str, object] | None) -> None:
        """An announcement; None when the worker has gone."""
        worker: WorkerCapability | None = None
        if announcement is not None:
            # Older workers call themselves `id`.
            named = {"worker_id": announcement.get("id"), **announcement}
            try:
                worker = WorkerCapability.model_validate(named)
            except ValidationError as error:
                log.warning("worker %s announced something odd: %s", worker_id, error)
                return
            self.workers[worker_id] = worker
        else:
            self.workers.pop(worker_id, None)
        for listener in list(self.listeners):
            try:
                listener(worker_id, worker)
            except Exception:
                log.exception("a callback for worker %s failed", worker_id)
        for event in self._waiting:
            event.set()

    def idle(self) -> dict[str, int]:
        """Idle workers for each task type."""
        counts: dict[str, int] = {}
        for worker in list(self.workers.values()):
            for task_type in worker.capabilities:
                counts[task_type] = counts.get(task_type, 0) + worker.idle_count
        return counts

    async def wait_for(self, task_type: str, seconds: float) -> bool:
        """Wait until a worker offers a task and is idle.

        Raises:
            WorkerUnavailableError: none did in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                counts = await self._counts()
                if counts.get(task_type, 0) > 0:
                    return True
                left = deadline - loop.time()
                if left <= 0:
                    raise WorkerUnavailableError(task_type, counts)
                await set_within(event, min(left, _CHECK))
        finally:
            self._waiting.discard(event)

    async def _counts(self) -> dict[str, int]:
        if self._ask is None or self.workers or self._told():
            return self.idle()
        try:
            return (await self._ask()).capabilities
        except httpx.HTTPError as error:
            log.debug("the server doesn't say what workers there are: %s", error)
            return {}


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set in time."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        done, _ = await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()
    return bool(done)
