"""The worker's side: who this worker is and whether it has room, as a retained message that goes when it goes."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from runyard.clock import Clock
from runyard.services.compute.mqtt.access import WORKERS
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.connection import Connection
from runyard.services.compute.mqtt.tasks import stop
from runyard.services.compute.words import milliseconds

HEARTBEAT: Final = 10.0
LOOK_EVERY: Final = 0.25
"""Seconds between looks at the load. It has to be the same twice to be told: jobs of a few milliseconds are no news."""

GOODBYE: Final = 2.0
"""Seconds the broker has to take the word that this worker leaves."""


def worker_id() -> str:
    """This process's name among workers: machine and process id."""
    return f"{re.sub('[^A-Za-z0-9_.-]', '-', socket.gethostname())}-{os.getpid()}"


@asynccontextmanager
async def announced(
    url: BrokerUrl, *, task_types: Sequence[str], idle: Callable[[], int], clock: Clock, name: str | None = None
) -> AsyncIterator[str]:
    """Tell of this worker until the end of the block; yields its id.

    Args:
        task_types: what it can do.
        idle: how many more media jobs it could start now.
        clock: the present, in UTC.
        name: its id, when it isn't the only worker of this process.
    """
    name = name or worker_id()
    topic = f"{WORKERS}/{name}"
    async with Connection(url, name=f"runyard-worker-{name}", farewell=topic).open() as connection:
        announcer = _Announcer(connection, topic=topic, name=name, task_types=task_types, idle=idle, clock=clock)
        telling = asyncio.create_task(announcer.run(), name="announce")
        try:
            yield name
        finally:
            await stop(telling)
            await announcer.leave()


class _Announcer:
    def __init__(
        self,
        connection: Connection,
        *,
        topic: str,
        name: str,
        task_types: Sequence[str],
        idle: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._name = name
        self._task_types = list(task_types)
        self._idle = idle
        self._clock = clock

    async def run(self) -> None:
        """Announce after every connect, when the load has changed and stays so, and every heartbeat."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()
        self._connection.on_connect(news.set)
        told, seen, due = -1, -1, 0.0
        while True:
            await self._connection.connected.wait()
            now = min(1, self._idle())  # one worker counts once, as it always did
            if news.is_set() or loop.time() >= due or (now == seen != told):
                news.clear()
                if await self._tell(now):
                    told, due = now, loop.time() + HEARTBEAT
            seen = now
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await news.wait()

    async def _tell(self, idle: int) -> bool:
        body = {
            "worker_id": self._name,
            "id": self._name,
            "capabilities": self._task_types,
            "idle_count": idle,
            "timestamp": milliseconds(self._clock()),
        }
        return await self._connection.publish(self._topic, msgspec.json.encode(body), retain=True)

    async def leave(self) -> None:
        """Take the announcement back."""
        try:
            async with asyncio.timeout(GOODBYE):
                await self._connection.publish(self._topic, b"", retain=True)
        except TimeoutError:
            return  # the last will or the next look at old announcements does it
