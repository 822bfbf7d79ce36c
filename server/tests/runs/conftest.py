"""One yard for each file of tests; each test takes a workspace of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from .house import House, Place, open_house


@pytest.fixture(scope="module")
async def house(yard_database: str) -> AsyncIterator[House]:
    async with open_house(yard_database) as opened:
        yield opened


@pytest.fixture(scope="session")
def house_with(yard_database: str) -> Callable[..., AbstractAsyncContextManager[House]]:
    """Opens one with other settings."""
    return partial(open_house, yard_database)


@pytest.fixture
async def place(house: House) -> Place:
    return await house.place()
