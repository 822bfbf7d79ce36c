"""One yard for each file of tests; each test takes a workspace of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .works import Site, Works, open_works


@pytest.fixture(scope="module")
async def works(yard_database: str) -> AsyncIterator[Works]:
    async with open_works(yard_database) as opened:
        yield opened


@pytest.fixture
async def site(works: Works) -> Site:
    return Site(works, await works.house.place())
