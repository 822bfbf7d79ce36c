"""The net under runs: what nobody looks at any more comes to its end all the same.

A run whose job has ended without it, because its workers died too often, fails. An approval that nobody decided in time
is denied, whether or not a run waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from runyard.database import Connection, DatabaseUnavailable
from runyard.services.runs import approvals
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.states import RunStatus
from runyard.services.runs.ledger import Book

EVERY: Final = 60.0
"""Seconds between two looks."""

_LOST: Final = """
    SELECT runs.workspace, runs.id, runs.job FROM runs LEFT JOIN jobs ON jobs.id = runs.job
    WHERE runs.ended_at IS NULL AND (jobs.id IS NULL OR jobs.ended_at IS NOT NULL) LIMIT 100
"""

_OVERDUE: Final = """
    SELECT workspace, id FROM runs_approvals WHERE status = 'Pending' AND due_at < $1 ORDER BY due_at LIMIT 100
"""

log = structlog.get_logger(__name__)


async def keep_looking(engine: Engine) -> None:
    """Look for them now and then, for as long as the process lives."""
    while True:
        with suppress(DatabaseUnavailable):
            await fail_lost(engine)
            await expire_overdue(engine)
        await asyncio.sleep(EVERY)


async def fail_lost(engine: Engine) -> int:
    """Fail the runs that nobody advances any more; how many."""

    async def fail(connection: Connection, book: Book, run_id: str) -> bool:
        run = await rows.run(connection, book.workspace, run_id)
        if run is None or run.status.ended:
            return False
        making = await engine.hold(connection, book, run)
        await making.stop()
        text = "The yard failed at this run too often; its log has the reason."
        making.run = replace(making.run, error={"code": "internal", "message": text})
        making.become(RunStatus.FAILED)
        await making.make(())
        return True

    lost = await engine.database.fetch(_LOST)
    for row in lost:
        log.error("run_lost", run=row["id"])
        await engine.stop_others(row["job"], ())
    return await _each(engine, lost, fail)


async def expire_overdue(engine: Engine) -> int:
    """Deny what was to be decided by now, and tell the run that waits for it; how much."""

    async def expire(connection: Connection, book: Book, approval_id: str) -> bool:
        found = await rows.approval(connection, book.workspace, approval_id)
        if found is None or found.status != "Pending" or found.due_at is None or found.due_at > book.now:
            return False
        await approvals.expire(connection, book, found)
        await engine.wake(connection, found.run)
        return True

    return await _each(engine, await engine.database.fetch(_OVERDUE, engine.jobs.clock()), expire)


async def _each(
    engine: Engine, found: Sequence[Mapping[str, str]], work: Callable[[Connection, Book, str], Awaitable[bool]]
) -> int:
    """Do something about each, in a transaction of its own. One that can't be helped is no reason to let others be."""
    done = 0
    for row in found:

        async def inside(connection: Connection, workspace: str = row["workspace"], name: str = row["id"]) -> bool:
            book = await engine.ledger.open(connection, workspace)
            was_done = await work(connection, book, name)
            await book.close()
            return was_done

        try:
            done += await engine.database.transaction(inside)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("net_torn", workspace=row["workspace"], id=row["id"])
    return done
