"""The SSH keys of users, in the database: added, listed, removed, and recognised by what they have signed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.callers import Callers
from runyard.identity.checks import checked_name, storable
from runyard.identity.errors import AlreadyExists, CredentialError, InvalidCredential, InvalidValue, NotFound
from runyard.identity.model import SshKey
from runyard.identity.principal import Credential, Principal
from runyard.identity.public_keys import PublicKey, read_public_key
from runyard.identity.throttle import Throttle
from runyard.identity.users import Users

MOST: Final = 50
"""Keys of one user: a signature is tried against all of them."""

AT_ONCE: Final = 4
"""Signatures checked at once. It bounds how many guesses are under way before the first of them counts."""

COARSE: Final = timedelta(minutes=1)
"""How often a use is written down."""

SELECT: Final = """
    SELECT k.id, k.user_id, COALESCE(u.login, u.email, u.id::text) AS user, k.name, k.kind, k.fingerprint, k.line,
        k.source, k.created_at, k.last_used_at
    FROM ssh_keys k JOIN users u ON u.id = k.user_id
"""

DECOY: Final = read_public_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm")
"""Tried for those who have no key, so that a refusal takes as long as theirs who have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a file. ``passed_over`` are logins and names of keys whose name an operator gave to another."""

    added: int
    removed: int
    passed_over: tuple[tuple[str, str], ...]


class SshKeys:
    """Public keys by which users prove who they are."""

    def __init__(self, database: Database, users: Users, callers: Callers, throttle: Throttle, *, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._callers = callers
        self._throttle = throttle
        self._clock = clock
        self._checking = asyncio.Semaphore(AT_ONCE)

    async def add(self, user_id: UUID, text: str, *, name: str | None = None) -> SshKey:
        """Let a user sign in with a key.

        Args:
            user_id: whose key it is.
            text: the public key, see :func:`~runyard.identity.public_keys.read_public_key`.
            name: what it is called; its comment by default, else the time.

        Raises:
            InvalidPublicKey: there is no key in the text, or none that is accepted.
            InvalidValue: the name can't be used, or the user has too many keys.
            AlreadyExists: the user has this key, or one of this name.
            NotFound: there is no such user.
        """
        key, now = read_public_key(text), self._clock()
        name = checked_name("key name", key.comment or f"{now:%Y%m%d-%H%M%S}" if name is None else name)
        key_id = uuid4()

        async def work(connection: Connection) -> None:
            await connection.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)  # one at a time
            await connection.execute(
                """
                INSERT INTO ssh_keys (id, user_id, name, kind, fingerprint, line, source, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, 'operator', $7) ON CONFLICT (id) DO NOTHING
                """,
                key_id,
                user_id,
                name,
                key.kind,
                key.fingerprint,
                key.line,
                now,
            )
            if await connection.fetchval("SELECT count(*) FROM ssh_keys WHERE user_id = $1", user_id) > MOST:
                raise InvalidValue(f"A user has up to {MOST} keys. Remove one first: runyard user key list")

        try:
            await self._database.transaction(work)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("User", user_id) from None
        except asyncpg.UniqueViolationError as error:
            what = f"a key {name!r}" if error.constraint_name == "ssh_keys_name" else f"the key {key.fingerprint}"
            raise AlreadyExists(f"This user has {what} already. See: runyard user key list") from None
        return (await self._select("WHERE k.id = $1", key_id))[0]

    async def all(self) -> list[SshKey]:
        """All keys, by user and name."""
        return await self._select("")

    async def of(self, user_id: UUID) -> list[SshKey]:
        """The keys of a user, by name."""
        return await self._select("WHERE k.user_id = $1", user_id)

    async def remove(self, user_id: UUID, name: str) -> SshKey:
        """Refuse a user's key from now on. One of the file comes back with the next start, unless it goes there too.

        Raises:
            NotFound: they have none of this name.
        """
        found = await self._select("WHERE k.user_id = $1 AND k.name = $2", user_id, storable(name))
        if not found:
            raise NotFound("SSH key", name, "Those that exist: runyard user key list")
        await self._database.execute("DELETE FROM ssh_keys WHERE id = $1", found[0].id)
        return found[0]

    async def any_of(self, login: str) -> bool:
        """Whether somebody with this login or email has a key."""
        found = await self._database.fetchval(
            """
            SELECT EXISTS (SELECT FROM ssh_keys k JOIN users u ON u.id = k.user_id WHERE u.login = $1 OR u.email = $1)
            """,
            storable(login),
        )
        return bool(found)

    async def authenticate(self, login: str, *, signed: bytes, signature: bytes, address: str) -> Principal:
        """The user with this login or email, one of whose keys has signed ``signed``.

        Args:
            login: who they say they are.
            signed: what they were asked to sign.
            signature: how they prove it.
            address: where they are, as the connection tells.

        Raises:
            TooManyAttempts: this name or address failed too often.
            InvalidCredential: no such user, no key, or none that has; all take the same effort.
            InactiveUser: one has, and the user was deactivated.
        """
        self._throttle.check(login, address)
        async with self._checking:
            self._throttle.check(login, address)  # others failed meanwhile
            try:
                principal = await self._signer(login, signed=signed, signature=signature)
            except CredentialError:
                self._throttle.failed(login, address)
                raise
        self._throttle.succeeded(login)
        return principal

    async def follow_file(self, users: Mapping[str, Mapping[str, PublicKey]]) -> Followed:
        """Have the keys that come from a file be exactly these, by login and name, in one transaction.

        Users that don't exist are made. Keys that an operator added stay as they are, and go before those of the file.

        Raises:
            InvalidValue: a login can't be one.
        """

        async def work(connection: Connection) -> Followed:
            ids = await self._users.ensure(connection, users)
            given = [(login, name, key) for login, keys in users.items() for name, key in keys.items()]
            owners = [ids[login] for login, _, _ in given]
            names = [name for _, name, _ in given]
            lines = [key.line for _, _, key in given]
            removed = await connection.execute(
                """
                DELETE FROM ssh_keys WHERE source = 'file'
                AND (user_id, name, line) NOT IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]))
                """,
                owners,
                names,
                lines,
            )
            added = await connection.execute(
                """
                INSERT INTO ssh_keys (id, user_id, name, line, kind, fingerprint, source, created_at)
                SELECT gen_random_uuid(), given.*, 'file', $6
                FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS given
                ON CONFLICT DO NOTHING
                """,
                owners,
                names,
                lines,
                [key.kind for _, _, key in given],
                [key.fingerprint for _, _, key in given],
                self._clock(),
            )
            rows = await connection.fetch("SELECT user_id, line FROM ssh_keys WHERE user_id = ANY($1)", owners)
            there = {(row["user_id"], row["line"]) for row in rows}
            passed_over = [(login, name) for login, name, key in given if (ids[login], key.line) not in there]
            return Followed(added=_count(added), removed=_count(removed), passed_over=tuple(passed_over))

        return await self._database.transaction(work)

    async def _signer(self, login: str, *, signed: bytes, signature: bytes) -> Principal:
        rows = await self._database.fetch(
            """
            SELECT k.id, k.line, k.last_used_at, u.number FROM ssh_keys k JOIN users u ON u.id = k.user_id
            WHERE u.login = $1 OR u.email = $1 ORDER BY k.last_used_at DESC NULLS LAST
            """,
            storable(login),
        )
        lines = [row["line"] for row in rows]
        place = await asyncio.to_thread(_which, lines, signature, signed)  # 50 keys of ECDSA P-384 take 40 ms
        if place is None:
            raise InvalidCredential("signature")
        row, now = rows[place], self._clock()
        principal = await self._callers.find(row["number"])
        if row["last_used_at"] is None or now - row["last_used_at"] >= COARSE:
            await self._database.execute("UPDATE ssh_keys SET last_used_at = $2 WHERE id = $1", row["id"], now)
        return replace(principal, credential=Credential(kind="ssh_key", id=row["id"]))

    async def _select(self, condition: str, *values: object) -> list[SshKey]:
        rows = await self._database.fetch(f"{SELECT} {condition} ORDER BY 3, k.name", *values)
        return [SshKey(**row) for row in rows]


def _which(lines: Sequence[str], signature: bytes, signed: bytes) -> int | None:
    """The place of the key that has signed."""
    for place, line in enumerate(lines):
        if read_public_key(line).verify(signature, signed):
            return place
    if not lines:
        DECOY.verify(signature, signed)
    return None


def _count(tag: str) -> int:
    """How many rows a command says it touched."""
    return int(tag.rpartition(" ")[2])
