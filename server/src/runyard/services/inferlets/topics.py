"""Broadcasts between the programs of a tenant, on whatever worker they run: a row and a NOTIFY that names it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from runyard.clock import Clock
from runyard.database import Database, DatabaseUnavailable, Signals
from runyard.sizes import KIB

CHANNEL: Final = "runyard_topics"
"""Payloads: ``<number of the row> <mark of tenant and topic>``."""

LONGEST_TOPIC: Final = 200
LONGEST: Final = 256 * KIB
KEPT: Final = timedelta(minutes=1)
"""Long enough for every worker to have read a broadcast."""

WAITING: Final = 10_000

Heard = Callable[[str], None]


class TopicRefused(Exception):
    """It can't be broadcast. The text is for the program."""


class Topics:
    """One worker's part of it. A broadcast reaches who has subscribed before; nothing is kept for later ones."""

    def __init__(self, database: Database, signals: Signals, clock: Clock) -> None:
        self._database = database
        self._signals = signals
        self._clock = clock
        self._subscribers: defaultdict[str, list[Heard]] = defaultdict(list)
        self._arrived: asyncio.Queue[tuple[int, str]] = asyncio.Queue(WAITING)

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, signals: Signals, clock: Clock) -> AsyncIterator[Topics]:
        """Listen for as long as the context is open."""
        topics = cls(database, signals, clock)
        await signals.listen(CHANNEL, topics._heard)
        telling = asyncio.create_task(topics._tell(), name="topics")
        try:
            yield topics
        finally:
            signals.unlisten(CHANNEL, topics._heard)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def broadcast(self, tenant: str, topic: str, text: str) -> None:
        """Tell all who have subscribed.

        Raises:
            TopicRefused: the topic or the text can't be used.
        """
        _check(topic)
        if len(text) > LONGEST or "\0" in text:
            raise TopicRefused(f"a broadcast has {LONGEST} characters at most and no NUL; this has {len(text)}")
        await self._database.execute(
            "WITH old AS (DELETE FROM inferlet_broadcasts WHERE at < $4), new AS ("
            "INSERT INTO inferlet_broadcasts (tenant, topic, body, at) VALUES ($1, $2, $3, $5) RETURNING id)"
            f" SELECT pg_notify('{CHANNEL}', id || ' ' || $6) FROM new",
            tenant, topic, text, self._clock() - KEPT, self._clock(), _mark(tenant, topic),
        )  # fmt: skip

    def subscribe(self, tenant: str, topic: str, heard: Heard) -> Callable[[], None]:
        """Have ``heard`` called with every broadcast on a topic; returns what ends that.

        Raises:
            TopicRefused: the topic can't be used.
        """
        _check(topic)
        mark = _mark(tenant, topic)
        self._subscribers[mark].append(heard)

        def end() -> None:
            with suppress(ValueError):
                self._subscribers[mark].remove(heard)
            if not self._subscribers[mark]:
                del self._subscribers[mark]

        return end

    def _heard(self, payload: str) -> None:
        number, mark = payload.split(" ")
        if mark in self._subscribers:
            with suppress(asyncio.QueueFull):  # whoever broadcasts faster than that loses some
                self._arrived.put_nowait((int(number), mark))

    async def _tell(self) -> None:
        while True:
            number, mark = await self._arrived.get()
            with suppress(DatabaseUnavailable):
                text = await self._database.fetchval("SELECT body FROM inferlet_broadcasts WHERE id = $1", number)
                if text is not None:
                    for heard in tuple(self._subscribers.get(mark, ())):
                        heard(str(text))


def _check(topic: str) -> None:
    if not topic or len(topic) > LONGEST_TOPIC or "\0" in topic:
        raise TopicRefused(f"a topic has 1 to {LONGEST_TOPIC} characters and no NUL; {topic[:50]!r} can't be used")


def _mark(tenant: str, topic: str) -> str:
    return hashlib.sha256(f"{tenant}\n{topic}".encode()).hexdigest()[:32]
