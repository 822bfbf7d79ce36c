"""The parts of a yard in this process, over the real embedded Postgres, for every test that needs no listener."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog

from runyard.testing.running import fresh_yard
from runyard.yard import Yard

# What structlog does by itself with an exception is draw every variable of every frame; a test's may be megabytes.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
async def parts(yard_database: str) -> AsyncIterator[Yard]:
    """One yard for all tests of a process: they keep apart by random owners and kinds."""
    async with fresh_yard(yard_database) as opened:
        yield opened
