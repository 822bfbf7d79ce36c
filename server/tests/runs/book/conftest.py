"""Evidence of a workspace that nobody else writes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import uuid4

import pytest

from runyard.services.runs.evidence.checkpoint import Notary
from runyard.services.runs.evidence.entry import SYSTEM, EvidenceEntry
from runyard.services.runs.evidence.store import EvidenceStore
from runyard.services.runs.ledger import Ledger
from runyard.yard import Yard

from ..house import House, open_house
from .house import Desk, Person

Write = Callable[..., Awaitable[list[EvidenceEntry]]]


@pytest.fixture
def workspace() -> str:
    return f"ws-{uuid4().hex[:8]}"


@pytest.fixture
def store(parts: Yard) -> EvidenceStore:
    return EvidenceStore(parts.database, Notary.of(parts.settings.data_dir / "keys"), clock=parts.clock)


@pytest.fixture
def write(parts: Yard, workspace: str) -> Write:
    """Appends so many entries in one transaction."""

    async def write(count: int = 1, *, run: str | None = "run-1") -> list[EvidenceEntry]:
        async def work(connection) -> list[EvidenceEntry]:
            book = await Ledger(parts.clock).open(connection, workspace)
            entries = [
                book.record("Action", f"Step {number} ended.", actor=SYSTEM, correlation_id="c", run_id=run)
                for number in range(count)
            ]
            await book.close()
            return entries

        return await parts.database.transaction(work)

    return write


@pytest.fixture(scope="session")
async def one_house(yard_database: str) -> AsyncIterator[House]:
    async with open_house(yard_database) as house:
        yield house


@pytest.fixture
async def desk(one_house: House) -> AsyncIterator[Desk]:
    """One house for all tests of a process, which keep apart by workspaces."""
    house = replace(one_house, stack=AsyncExitStack())
    async with house.stack:
        yield Desk(house)


@pytest.fixture
async def ada(desk: Desk) -> Person:
    """An admin of a workspace of her own."""
    return await desk.person("admin")
