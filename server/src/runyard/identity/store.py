"""The identity of one yard: its users, projects and keys over one database."""

from __future__ import annotations

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.api_keys import ApiKeys
from runyard.identity.passwords import Passwords
from runyard.identity.principal import Principal
from runyard.identity.projects import Projects
from runyard.identity.users import Users


class IdentityStore:
    """What the yard knows of who may call. ``users``, ``projects`` and ``keys`` each own their tables.

    Args:
        database: where it is kept.
        clock: tells the time, in UTC.
        warn_days: age in days from which a key carries a warning.
        passwords: how passwords are hashed.
    """

    def __init__(self, database: Database, *, clock: Clock, warn_days: int, passwords: Passwords | None = None) -> None:
        self.users = Users(database, clock=clock, passwords=passwords or Passwords())
        self.projects = Projects(database, clock=clock)
        self.keys = ApiKeys(database, clock=clock, warn_days=warn_days)

    async def authenticate(self, presented: str) -> Principal:
        """Who the bearer of this key is; see :meth:`ApiKeys.authenticate`."""
        return await self.keys.authenticate(presented)

    async def close(self) -> None:
        """Write what is still to be written. The database stays open."""
        await self.keys.close()
