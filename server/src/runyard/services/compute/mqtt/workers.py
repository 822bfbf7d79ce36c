"""The API's side: which workers there are now, from their retained announcements."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from runyard.clock import Clock
from runyard.services.compute.mqtt.access import WORKERS
from runyard.services.compute.mqtt.connection import Incoming, Link

FILTER: Final = f"{WORKERS}/+"
STALE: Final = timedelta(seconds=35)
"""A worker that has missed three heartbeats is gone, whatever its last will says."""

LOOK_EVERY: Final = 1.0
SETTLE: Final = 1.0
"""Seconds after a connect in which announcements may still come in: until then, nobody knows who is missing."""

_MOST: Final = 10_000

log = structlog.get_logger(__name__)


class _Announcement(msgspec.Struct):
    """What a worker says; older ones call themselves ``id``."""

    capabilities: list[str]
    idle_count: int
    timestamp: int
    worker_id: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class _Worker:
    capabilities: frozenset[str]
    idle: int
    seen: datetime


class Workers:
    """A live view of the workers. Give :meth:`heard` every message of :data:`FILTER`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._workers: dict[str, _Worker] = {}
        self._connection: Link | None = None
        self._settled = 0.0

    def capabilities(self) -> tuple[int, dict[str, int]]:
        """How many workers there are, and for each task type how many of them are idle."""
        idle: Counter[str] = Counter()
        for worker in self._workers.values():
            idle.update(dict.fromkeys(worker.capabilities, worker.idle))
        return len(self._workers), dict(sorted(idle.items()))

    def offers(self, task_type: str) -> bool | None:
        """Whether a worker does such jobs; None while nobody knows, since the broker is away."""
        if self._connection is None or not self._connection.connected.is_set():
            return None
        if any(task_type in worker.capabilities for worker in self._workers.values()):
            return True
        return False if asyncio.get_running_loop().time() >= self._settled else None

    def heard(self, message: Incoming) -> None:
        """Take a worker's word."""
        name = message.topic.removeprefix(f"{WORKERS}/")
        if not message.payload:
            self._workers.pop(name, None)
            return
        try:
            said = msgspec.json.decode(message.payload, type=_Announcement)
            told = datetime.fromtimestamp(said.timestamp / 1000, tz=self._clock().tzinfo)
        except (msgspec.DecodeError, ValueError, OverflowError, OSError) as error:
            log.warning("worker_not_understood", worker=name, error=str(error))
            return
        if name in self._workers or len(self._workers) < _MOST:
            # What was kept is as old as it says. What comes now is new, even if the worker's clock is wrong.
            seen = min(told, self._clock()) if message.kept else self._clock()
            self._workers[name] = _Worker(frozenset(said.capabilities), max(0, said.idle_count), seen)

    def attach(self, connection: Link) -> None:
        """Take the view over ``connection``: afresh after every connect."""
        self._connection = connection
        connection.on_connect(self._met)

    async def watch(self) -> None:
        """Clear away the announcements of those who died unnoticed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.clear_stale()

    def _met(self) -> None:
        self._workers.clear()
        self._settled = asyncio.get_running_loop().time() + SETTLE

    async def clear_stale(self) -> None:
        """Forget the workers that have been silent for too long, here and on the broker."""
        now = self._clock()
        for name in [name for name, worker in self._workers.items() if now - worker.seen > STALE]:
            del self._workers[name]
            log.warning("worker_vanished", worker=name)
            if self._connection is not None:
                await self._connection.publish(f"{WORKERS}/{name}", b"", retain=True)
