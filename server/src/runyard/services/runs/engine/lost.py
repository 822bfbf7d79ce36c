"""The net under runs: one whose job has ended without it, because its workers died too often, fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from runyard.database import Connection, DatabaseUnavailable
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.states import RunStatus

EVERY: Final = 60.0
"""Seconds between two looks."""

_LOST: Final = """
    SELECT runs.workspace, runs.id FROM runs LEFT JOIN jobs ON jobs.id = runs.job
    WHERE runs.ended_at IS NULL AND (jobs.id IS NULL OR jobs.ended_at IS NOT NULL) LIMIT 100
"""

log = structlog.get_logger(__name__)


async def keep_looking(engine: Engine) -> None:
    """Look for lost runs now and then, for as long as the process lives."""
    while True:
        with suppress(DatabaseUnavailable):
            await fail_lost(engine)
        await asyncio.sleep(EVERY)


async def fail_lost(engine: Engine) -> int:
    """Fail the runs that nobody advances any more; how many."""
    lost = await engine.database.fetch(_LOST)
    for row in lost:
        log.error("run_lost", run=row["id"])

        async def work(connection: Connection, workspace: str = row["workspace"], run_id: str = row["id"]) -> None:
            book = await engine.ledger.open(connection, workspace)
            run = await rows.run(connection, workspace, run_id)
            if run is None or run.status.ended:
                return
            making = await engine.hold(connection, book, run)
            await making.stop()
            text = "The yard failed at this run too often; its log has the reason."
            making.run = replace(making.run, error={"code": "internal", "message": text})
            making.become(RunStatus.FAILED)
            await making.make(())
            await book.close()

        await engine.database.transaction(work)
    return len(lost)
