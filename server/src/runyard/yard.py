"""The parts every process of a yard is made of, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from runyard.artifacts import ArtifactStore
from runyard.database import Database, Signals, open_database
from runyard.identity import IdentityStore
from runyard.jobs import InFlight, JobStore, PgQueue, Tails
from runyard.settings import Settings


def utc_now() -> datetime:
    """The present; the only place that asks the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """What a service is given to stand on."""

    settings: Settings
    clock: Callable[[], datetime]
    database: Database
    signals: Signals
    artifacts: ArtifactStore
    identity: IdentityStore
    jobs: JobStore
    tails: Tails
    in_flight: InFlight


@asynccontextmanager
async def open_yard(
    settings: Settings, *, application: str, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Yard]:
    """Open the yard's parts for this process.

    Args:
        application: name of the process, seen in the database's own views.
        clock: the present, in UTC.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings, application=application))
        signals = Signals(database)
        await signals.start()
        stack.push_async_callback(signals.stop)
        artifacts = ArtifactStore(
            database, settings.artifacts_url or f"file://{settings.data_dir / 'artifacts'}", clock=clock
        )
        jobs = JobStore(database, PgQueue(), artifacts, clock=clock, max_attempts=settings.max_attempts)
        tails = Tails(jobs, artifacts, signals)
        await tails.start()
        stack.callback(tails.close)
        yield Yard(
            settings=settings,
            clock=clock,
            database=database,
            signals=signals,
            artifacts=artifacts,
            identity=IdentityStore(database, clock=clock),
            jobs=jobs,
            tails=tails,
            in_flight=InFlight(signals),
        )
