"""The parts of a yard in this process, over the real embedded Postgres, for every test that needs no listener."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runyard.testing.running import fresh_yard
from runyard.yard import Yard


@pytest.fixture(scope="session")
async def parts(yard_database: str) -> AsyncIterator[Yard]:
    """One yard for all tests of a process: they keep apart by random owners and kinds."""
    async with fresh_yard(yard_database) as opened:
        yield opened
