"""Noting when a key was used may fail or hang: nobody who used one notices."""

import asyncio
from uuid import UUID

from runyard.database import open_database
from runyard.identity import uses
from runyard.identity.uses import KeyUses

KEY = UUID(int=7)


async def test_a_use_that_cannot_be_written_is_logged_and_forgotten(settings, clock, capsys):
    async with open_database(settings, application="gone") as database:
        await database.close()
        noted = KeyUses(database)
        noted.note(KEY, before=None, now=clock.now)
        await noted.close()
    assert "key_uses_not_written" in capsys.readouterr().out


async def test_closing_does_not_wait_for_a_database_that_does_not_answer(database, clock, monkeypatch):
    asked = asyncio.Event()

    async def never(*_):
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(database, "execute", never)
    monkeypatch.setattr(uses, "LAST_WORD", 0.0)
    noted = KeyUses(database)
    noted.note(KEY, before=None, now=clock.now)
    await asked.wait()
    await noted.close()


async def test_nothing_noted_is_nothing_to_close(database):
    await KeyUses(database).close()


async def test_a_key_that_is_gone_is_no_error(database, clock):
    noted = KeyUses(database)
    noted.note(KEY, before=None, now=clock.now)
    await noted.close()
