"""When keys were last used: noted at once, written behind the request, at most once a minute for each."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from runyard.database import Database, DatabaseError

log = structlog.get_logger(__name__)

COARSE: Final = timedelta(minutes=1)
LAST_WORD: Final = 5.0
"""Seconds a closing yard waits for what is still to be written."""


class KeyUses:
    """Gathers uses while a write is under way, so that many requests cost one statement at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[UUID, datetime] = {}
        self._writer: asyncio.Task[None] | None = None

    def note(self, key: UUID, *, before: datetime | None, now: datetime) -> datetime:
        """The key was used ``now``, and is known to have been used ``before``. Returns, at once, what is known now."""
        if before is not None and now - before < COARSE:
            return before
        self._noted[key] = now
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="key uses")
        return now

    async def close(self) -> None:
        """Write what was noted, unless the database does not answer in time."""
        if self._writer is None:
            return
        _, late = await asyncio.wait({self._writer}, timeout=LAST_WORD)
        for task in late:
            task.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        while self._noted:
            noted, self._noted = self._noted, {}
            try:
                await self._database.execute(
                    """
                    UPDATE api_keys SET last_used_at = used.at
                    FROM unnest($1::uuid[], $2::timestamptz[]) AS used (key, at)
                    WHERE id = used.key AND (last_used_at IS NULL OR last_used_at <= used.at - $3::interval)
                    """,
                    list(noted),
                    list(noted.values()),
                    COARSE,
                )
            except DatabaseError as error:
                log.warning("key_uses_not_written", keys=len(noted), error=str(error))
