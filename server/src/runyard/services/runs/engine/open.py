"""The engine with all it stands on, in an API process or in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from runyard.jobs import Offer, Registration
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.executor import KIND, RunJob
from runyard.services.runs.engine.lost import keep_looking
from runyard.services.runs.http import call
from runyard.services.runs.ledger import Ledger
from runyard.services.runs.machines.errands import AdapterTable, MachineErrands
from runyard.services.runs.people.errands import Persons
from runyard.services.runs.policies.store import PolicyTable
from runyard.yard import Yard


def make_engine(yard: Yard, ledger: Ledger, offers: Sequence[Offer]) -> Engine:
    """The engine.

    Args:
        offers: what the yard's other services can do for a run.

    Raises:
        ValueError: two services offer an operation of the same name.
    """
    return Engine(
        jobs=yard.jobs,
        artifacts=yard.artifacts,
        ledger=ledger,
        catalogue=Catalogue.of([*offers, call.offer()]),
        people=Persons(yard.database),
        machines=MachineErrands(yard.database, ledger),
        adapters=AdapterTable(),
        policies=PolicyTable(),
    )


@asynccontextmanager
async def open_runs(yard: Yard, offers: Sequence[Offer]) -> AsyncIterator[list[Registration]]:
    """What a worker runs of this service."""
    engine = make_engine(yard, Ledger(yard.clock), offers)
    looking = asyncio.create_task(keep_looking(engine), name="runs without a job")
    try:
        yield [Registration(KIND, RunJob(engine), "light"), call.registration(yard.settings)]
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
