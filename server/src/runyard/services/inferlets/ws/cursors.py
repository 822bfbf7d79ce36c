"""Up to where somebody was told what instances said: where an attach that names no place goes on."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast
from uuid import UUID

from runyard.database import Database


class Cursors:
    """One number an instance. It only grows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, instance: UUID) -> int:
        """The number of the last event that was delivered; 0 if none was."""
        found = await self._database.fetchval("SELECT seq FROM inferlet_cursors WHERE job = $1", instance)
        return cast("int", found or 0)

    async def save(self, instance: UUID, seq: int, *, over: bool) -> None:
        """Events up to ``seq`` were delivered, its end among them if it is ``over``."""
        await self._database.execute(
            "INSERT INTO inferlet_cursors (job, seq, over) SELECT id, $2, $3 FROM jobs WHERE id = $1"
            " ON CONFLICT (job) DO UPDATE SET seq = greatest(inferlet_cursors.seq, EXCLUDED.seq),"
            " over = inferlet_cursors.over OR EXCLUDED.over",
            instance, seq, over,
        )  # fmt: skip

    async def over(self, instances: Collection[UUID]) -> frozenset[UUID]:
        """Those whose end was delivered."""
        rows = await self._database.fetch(
            "SELECT job FROM inferlet_cursors WHERE job = ANY($1) AND over", list(instances)
        )
        return frozenset(row["job"] for row in rows)
