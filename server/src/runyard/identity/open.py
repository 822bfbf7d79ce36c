"""The identity of one yard opened by itself, as command lines need it, whether a server runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runyard.clock import Clock, utc_now
from runyard.database import open_database
from runyard.identity.store import IdentityStore
from runyard.settings import Settings


@asynccontextmanager
async def open_identity(
    settings: Settings, *, application: str, clock: Clock = utc_now
) -> AsyncIterator[IdentityStore]:
    """Yield the identity store of the yard that ``settings`` describe, with every table in place.

    Raises:
        DatabaseUnavailable: the text says what is wrong and what to do.
    """
    async with open_database(settings, application=application) as database:
        store = IdentityStore(database, settings, clock=clock)
        try:
            yield store
        finally:
            await store.close()
