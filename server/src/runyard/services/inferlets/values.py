"""The key-value store of programs: small texts, kept for their tenant."""

from __future__ import annotations

from typing import Final, cast

from runyard.database import Database
from runyard.sizes import KIB, MIB

LONGEST_KEY: Final = 512
LONGEST_VALUE: Final = 256 * KIB
MOST_BYTES: Final = 64 * MIB
"""Of all keys and values of a tenant."""


class ValueRefused(Exception):
    """The store doesn't take it. The text is for the program."""


class ValueStore:
    """Everything that can happen to a tenant's keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, key: str) -> str | None:
        """The value of a key, if it has one."""
        found = await self._database.fetchval(
            "SELECT value FROM inferlet_values WHERE tenant = $1 AND key = $2", tenant, key
        )
        return cast("str | None", found)

    async def set(self, tenant: str, key: str, value: str) -> None:
        """Give a key a value.

        Raises:
            ValueRefused: it is too long, has a NUL character, or the tenant has too much.
        """
        if not key or len(key) > LONGEST_KEY:
            raise ValueRefused(f"a key has 1 to {LONGEST_KEY} characters, not {len(key)}")
        if len(value) > LONGEST_VALUE:
            raise ValueRefused(f"a value has {LONGEST_VALUE} characters at most, not {len(value)}")
        if "\0" in key or "\0" in value:
            raise ValueRefused("a key or value can't have a NUL character")
        taken = await self._database.fetchval(
            "INSERT INTO inferlet_values (tenant, key, value) SELECT $1, $2, $3 WHERE"
            " (SELECT coalesce(sum(length(key) + length(value)), 0) FROM inferlet_values WHERE tenant = $1) < $4"
            " ON CONFLICT (tenant, key) DO UPDATE SET value = EXCLUDED.value RETURNING key",
            tenant, key, value, MOST_BYTES,
        )  # fmt: skip
        if taken is None:
            raise ValueRefused(f"the store is full: all keys and values have {MOST_BYTES} characters; delete some")

    async def delete(self, tenant: str, key: str) -> None:
        """Remove a key, if it is there."""
        await self._database.execute("DELETE FROM inferlet_values WHERE tenant = $1 AND key = $2", tenant, key)

    async def keys(self, tenant: str) -> list[str]:
        """All keys, in order."""
        rows = await self._database.fetch("SELECT key FROM inferlet_values WHERE tenant = $1 ORDER BY key", tenant)
        return [row["key"] for row in rows]
