"""The parts every process of a yard is made of, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from runyard.artifacts import ArtifactStore
from runyard.clock import Clock, utc_now
from runyard.database import Database, Signals, open_database
from runyard.identity.store import IdentityStore
from runyard.jobs import InFlight, JobStore, PgQueue, Schedules, Tails
from runyard.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """What a service is given to stand on."""

    settings: Settings
    clock: Clock
    database: Database
    signals: Signals
    artifacts: ArtifactStore
    identity: IdentityStore
    jobs: JobStore
    schedules: Schedules
    tails: Tails
    in_flight: InFlight


@asynccontextmanager
async def open_yard(settings: Settings, *, application: str, clock: Clock = utc_now) -> AsyncIterator[Yard]:
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
        jobs = JobStore(database, PgQueue(), clock=clock, max_attempts=settings.max_attempts)
        tails = Tails(jobs, artifacts, signals)
        await tails.start()
        stack.callback(tails.close)
        identity = IdentityStore(database, settings, clock=clock)
        await identity.listen(signals)
        stack.push_async_callback(identity.close)
        yield Yard(
            settings=settings,
            clock=clock,
            database=database,
            signals=signals,
            artifacts=artifacts,
            identity=identity,
            jobs=jobs,
            schedules=Schedules(jobs),
            tails=tails,
            in_flight=InFlight(signals),
        )
