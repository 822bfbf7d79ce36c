"""The queue under the jobs: what the store needs of it, and PgQueuer's answer.

Another engine would be another class here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final, Protocol, Self
from uuid import UUID

from pgqueuer.core.tm import TaskManager
from pgqueuer.ports.driver import Driver, NotifyCallback
from pgqueuer.queries import Queries

from runyard.database import Connection, Database, Signals

ENTRY_TABLE: Final = "pgqueuer"
"""PgQueuer's table of entries: read here to find jobs whose entry is gone."""


_CHANGE: Final = re.compile(r'"operation" : "(insert|update|delete|truncate)"')


class Queue(Protocol):
    """Puts a job where a worker will find it, inside the caller's transaction."""

    async def enqueue(
        self, connection: Connection, kind: str, job: UUID, *, priority: int, delay: timedelta | None = None
    ) -> int:
        """Add an entry for ``job`` and return its number."""
        ...


class PgQueue:
    """Entries in PgQueuer's table."""

    async def enqueue(
        self, connection: Connection, kind: str, job: UUID, *, priority: int, delay: timedelta | None = None
    ) -> int:
        """Add an entry for ``job`` and return its number; it commits or rolls back with the caller's transaction."""
        (entry,) = await Queries(_Joined(connection)).enqueue(kind, job.bytes, priority, delay)
        return int(entry)


class _Driver(Driver):
    """What PgQueuer asks of every driver and we have no use for."""

    def __init__(self) -> None:
        self._shutdown = asyncio.Event()
        self._tasks = TaskManager()

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return self._tasks

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:  # noqa: ARG002
        raise TypeError(f"{type(self).__name__} does not listen")

    async def notify(self, channel: str, payload: str) -> None:
        await self.execute("SELECT pg_notify($1, $2)", channel, payload)


class _Joined(_Driver):
    """PgQueuer inside a transaction somebody else has opened."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in await self._connection.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        return str(await self._connection.execute(query, *args))


class LaneDriver(_Driver):
    """PgQueuer over the yard's pool and ear, for one lane of a worker.

    A restart of the database is waited out, not reported. PgQueuer would look at its table whenever a row of it
    changes; here a lane looks when there is a new entry of its kinds, or when one has gone while it has work itself.

    Args:
        channel: where the store tells of entries, see :data:`runyard.jobs.store.CHANNEL`.
        kinds: kinds of jobs the lane runs.
        busy: whether it is running any.
    """

    def __init__(
        self, database: Database, signals: Signals, *, channel: str, kinds: Collection[str], busy: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._database = database
        self._signals = signals
        self._channel = channel
        self._kinds = frozenset(kinds)
        self._busy = busy
        self._listening: list[tuple[str, NotifyCallback]] = []

    async def __aexit__(self, *_: object) -> None:
        for channel, callback in self._listening:
            self._signals.unlisten(channel, callback)
        self._listening.clear()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Rows of a statement."""
        return [dict(row) for row in await self._database.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        """Command tag of a statement."""
        return await self._database.execute(query, *args)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Call back for what concerns this lane, until this driver is left."""

        def changed(payload: str | bytes | bytearray) -> None:
            operation = _CHANGE.search(str(payload))
            if operation is None or operation[1] == "truncate" or (operation[1] == "delete" and self._busy()):
                callback(payload)

        def told(payload: str | bytes | bytearray) -> None:
            word, *rest = str(payload).split(" ")
            if word == "event" and rest[-1] == "queued" and rest[-2] in self._kinds:
                callback(_inserted(channel))

        for heard, listener in ((channel, changed), (self._channel, told)):
            self._listening.append((heard, listener))
            await self._signals.listen(heard, listener)

    async def remove_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Stop calling back."""
        self._signals.unlisten(channel, callback)


def _inserted(channel: str) -> str:
    """What PgQueuer's own trigger says of a new row."""
    change = {"channel": channel, "operation": "insert", "table": ENTRY_TABLE, "type": "table_changed_event"}
    return json.dumps({**change, "sent_at": "1970-01-01T00:00:00Z"})  # nobody looks at the time
