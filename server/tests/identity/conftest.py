"""A yard's database for these tests: tables of their own for the session, empty ones for each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from runyard.database import Database, open_database
from runyard.identity.passwords import Passwords
from runyard.identity.store import IdentityStore
from runyard.settings import Settings


@pytest.fixture(scope="session")
def settings(yard_database: str) -> Iterator[Settings]:
    folder = Path(tempfile.mkdtemp(prefix="runyard-identity-", dir="/tmp"))
    yield Settings(data_dir=folder, database_url=SecretStr(yard_database), database_schema=f"test_{uuid4().hex[:12]}")
    shutil.rmtree(folder)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings, application="identity tests") as database:
        await database.execute("DELETE FROM users")
        await database.execute("DELETE FROM workspaces")
        await database.execute("DELETE FROM projects")
        yield database


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database: Database, settings: Settings, clock: Clock) -> AsyncIterator[IdentityStore]:
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    store = IdentityStore(database, settings, clock=clock, passwords=cheap)
    yield store
    await store.close()
