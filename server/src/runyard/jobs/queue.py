"""The queue under the jobs: what the store needs of it, and PgQueuer's answer.

Another engine would be another class here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final, Protocol, Self, cast
from uuid import UUID

from pgqueuer.core.tm import TaskManager
from pgqueuer.ports.driver import Driver, NotifyCallback

from runyard.database import Connection, Database, Signals

ENTRY_TABLE: Final = "pgqueuer"
"""PgQueuer's table of entries: read here to find jobs whose entry is gone."""


_CHANGE: Final = re.compile(r'"operation" : "(insert|update|delete|truncate)"')


class Queue(Protocol):
    """Puts a job where a worker will find it, inside the caller's transaction."""

    def entry(self, asked: str) -> str:
        """The beginning of a WITH clause in which ``entry`` adds entries and gives the ``id`` of each.

        Args:
            asked: a query of what to enqueue: kind, job, priority, delay.
        """
        ...

    async def enqueue(
        self, connection: Connection, kind: str, job: UUID, *, priority: int, delay: timedelta | None = None
    ) -> int:
        """Add an entry for ``job`` and return its number."""
        ...


class PgQueue:
    """Entries in PgQueuer's table.

    They are what its own ``enqueue`` makes, which a test compares; as a part of our statements they take no round trip
    of their own.
    """

    def entry(self, asked: str) -> str:
        """See :meth:`Queue.entry`."""
        return f"""
            entry AS (
                INSERT INTO {ENTRY_TABLE} (entrypoint, payload, priority, execute_after, status, headers)
                SELECT kind, uuid_send(job), priority, now() + coalesce(delay, '0'), 'queued', 'null'
                FROM ({asked}) AS asked (kind, job, priority, delay)
                RETURNING id, entrypoint, priority
            ), entry_log AS (
                INSERT INTO {ENTRY_TABLE}_log (job_id, status, entrypoint, priority)
                SELECT id, 'queued', entrypoint, priority FROM entry
            )"""

    async def enqueue(
        self, connection: Connection, kind: str, job: UUID, *, priority: int, delay: timedelta | None = None
    ) -> int:
        """Add an entry for ``job`` and return its number; it commits or rolls back with the caller's transaction."""
        statement = f"WITH {self.entry('SELECT $1::text, $2::uuid, $3::int, $4::interval')} SELECT id FROM entry"
        return cast("int", await connection.fetchval(statement, kind, job, priority, delay))


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
