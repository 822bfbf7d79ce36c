"""The SSH keys of users, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.callers import Callers
from runyard.identity.checks import checked_login, checked_name
from runyard.identity.errors import AlreadyExists, InvalidCredential, NotFound
from runyard.identity.principal import Credential, Principal
from runyard.identity.public_keys import PublicKey, read_public_key
from runyard.identity.throttle import Throttle

Source: TypeAlias = Literal["operator", "file"]

MOST: Final = 50
"""Keys of one user: a signature is tried against all of them."""

_SELECT: Final = """
    SELECT k.id, k.user_id, coalesce(u.login, u.email, u.id::text) AS user, k.name, k.kind, k.fingerprint,
        k.source, k.created_at, k.last_used_at FROM ssh_keys k JOIN users u ON u.id = k.user_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """What the yard knows of somebody's key. ``source`` is who said that it is theirs."""

    id: UUID
    user_id: UUID
    user: str
    name: str
    kind: str
    fingerprint: str
    source: Source
    created_at: datetime
    last_used_at: datetime | None


class SshKeys:
    """Public keys by which users prove who they are."""

    def __init__(self, database: Database, callers: Callers, throttle: Throttle, *, clock: Clock) -> None:
        self._database = database
        self._callers = callers
        self._throttle = throttle
        self._clock = clock

    async def add(self, user_id: UUID, text: str, *, name: str | None = None) -> SshKey:
        """Let a user sign in with a key.

        Args:
            text: the public key, see :func:`~runyard.identity.public_keys.read_public_key`.
            name: what it is called; its comment by default, else the time.

        Raises:
            InvalidValue: the key or the name can't be used.
            AlreadyExists: the user has this key, or one of this name.
            NotFound: there is no such user.
        """
        key = read_public_key(text)
        called = checked_name("key name", name or key.comment or self._clock().strftime("%Y%m%d-%H%M%S"))
        key_id = uuid4()
        try:
            await self._insert(self._database, key_id, user_id, called, key, source="operator")
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("User", user_id) from None
        except asyncpg.UniqueViolationError as error:
            what = f"a key {called!r}" if error.constraint_name == "ssh_keys_name" else f"the key {key.fingerprint}"
            raise AlreadyExists(f"This user has {what} already. See: runyard user key list") from None
        return (await self._list("k.id = $1", key_id))[0]

    async def all(self) -> list[SshKey]:
        """All keys, by user and name."""
        return await self._list("true")

    async def of(self, user_id: UUID) -> list[SshKey]:
        """The keys of a user, by name."""
        return await self._list("k.user_id = $1", user_id)

    async def remove(self, user_id: UUID, name: str) -> SshKey:
        """Refuse a user's key from now on.

        Raises:
            NotFound: they have none of this name.
        """
        found = await self._list("k.user_id = $1 AND k.name = $2", user_id, name)
        if not found:
            raise NotFound("SSH key", name, "See: runyard user key list")
        await self._database.execute("DELETE FROM ssh_keys WHERE id = $1", found[0].id)
        return found[0]

    async def any_of(self, login: str) -> bool:
        """Whether somebody with this login or email has a key."""
        found = await self._database.fetchval(
            "SELECT EXISTS (SELECT FROM ssh_keys k JOIN users u ON u.id = k.user_id"
            " WHERE u.login = $1 OR u.email = $1)",
            login,
        )
        return bool(found)

    async def authenticate(self, login: str, *, signed: bytes, signature: bytes, address: str) -> Principal:
        """The user with this login or email, one of whose keys has signed ``signed``.

        Args:
            address: where they are, as the connection tells.

        Raises:
            TooManyAttempts: this name or address failed too often.
            InvalidCredential: none of their keys has.
            InactiveUser: one has, and the user was deactivated.
        """
        self._throttle.check(login, address)
        rows = await self._database.fetch(
            "SELECT k.id, k.line, u.number FROM ssh_keys k JOIN users u ON u.id = k.user_id"
            " WHERE u.login = $1 OR u.email = $1 ORDER BY k.last_used_at DESC NULLS LAST",
            login,
        )
        for row in rows:
            if read_public_key(row["line"]).verify(signature, signed):
                principal = await self._callers.find(row["number"])
                self._throttle.succeeded(login)
                await self._database.execute(
                    "UPDATE ssh_keys SET last_used_at = $2 WHERE id = $1", row["id"], self._clock()
                )
                return replace(principal, credential=Credential(kind="ssh_key", id=row["id"]))
        self._throttle.failed(login, address)
        raise InvalidCredential("unknown")

    async def follow_file(self, users: Mapping[str, Mapping[str, PublicKey]]) -> None:
        """Have the keys that come from a file be exactly these, by login and name, in one transaction.

        Users that don't exist are made. Keys that an operator added stay as they are, and go before those of the file.
        """

        async def work(connection: Connection) -> None:
            kept: list[UUID] = []
            for login, keys in users.items():
                user_id = await self._user(connection, login)
                for name, key in keys.items():
                    await connection.execute(
                        "DELETE FROM ssh_keys WHERE user_id = $1 AND source = 'file' AND (name = $2) <> (line = $3)",
                        user_id, name, key.line,
                    )  # fmt: skip
                    await self._insert(
                        connection, uuid4(), user_id, name, key, source="file", clause="ON CONFLICT DO NOTHING"
                    )
                    row = await connection.fetchrow(
                        "SELECT id FROM ssh_keys WHERE user_id = $1 AND line = $2", user_id, key.line
                    )
                    if row is not None:
                        kept.append(row["id"])
            await connection.execute("DELETE FROM ssh_keys WHERE source = 'file' AND id <> ALL($1)", kept)

        await self._database.transaction(work)

    async def _user(self, connection: Connection, login: str) -> UUID:
        login = checked_login(login)
        await connection.execute(
            "INSERT INTO users (id, name, login, is_admin, is_active, permissions, created_at)"
            " VALUES ($1, $2, $2, false, true, '{}', $3) ON CONFLICT (login) DO NOTHING",
            uuid4(), login, self._clock(),
        )  # fmt: skip
        row = await connection.fetchrow("SELECT id FROM users WHERE login = $1", login)
        assert row is not None
        found: UUID = row["id"]
        return found

    async def _insert(
        self,
        database: Database | Connection,
        key_id: UUID,
        user_id: UUID,
        name: str,
        key: PublicKey,
        *,
        source: Source,
        clause: str = "ON CONFLICT (id) DO NOTHING",
    ) -> None:
        await database.execute(
            "INSERT INTO ssh_keys (id, user_id, name, kind, fingerprint, line, source, created_at)"
            f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) {clause}",
            key_id, user_id, name, key.kind, key.fingerprint, key.line, source, self._clock(),
        )  # fmt: skip

    async def _list(self, condition: str, *values: object) -> list[SshKey]:
        rows: Sequence[Mapping[str, object]] = await self._database.fetch(
            f"{_SELECT} WHERE {condition} ORDER BY 3, k.name LIMIT 10000", *values
        )
        return [SshKey(**row) for row in rows]  # type: ignore[arg-type]
