"""The word to a run that something has changed which it waits for."""

from __future__ import annotations

from typing import Protocol

from runyard.database import Connection
from runyard.jobs import JobEnded, JobNotFound, JobStore


class Wake(Protocol):
    """Tells a run to look again, once the open transaction commits."""

    async def __call__(self, connection: Connection, run_id: str) -> None:
        """Tell it."""
        ...


class Waker:
    """Tells runs by way of the jobs that advance them."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def __call__(self, connection: Connection, run_id: str) -> None:
        """Tell a run to look again, once the open transaction commits; nothing where there is none, or it has ended."""
        job = await connection.fetchval("SELECT job FROM runs WHERE id = $1 AND ended_at IS NULL", run_id)
        if job is None:
            return
        try:
            await self._jobs.send(job, {"type": "look"}, connection=connection)
        except (JobEnded, JobNotFound):
            return  # the worker finds runs whose job is gone, see runyard.services.runs.engine.lost
