"""API keys, in the database: issued, listed, revoked, rotated, and recognised when they are presented."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database, Signals
from runyard.identity.checks import checked_lifetime, checked_name, checked_overlap, checked_project
from runyard.identity.errors import InactiveUser, InvalidCredential, KeyEnded, NotAMember, NotFound
from runyard.identity.keys import KeyKind, checksum_ok, digest, hint, new_key
from runyard.identity.model import OVERLAP, ApiKey, IssuedKey, KeyState, KeyStatus, key_status
from runyard.identity.principal import Principal
from runyard.identity.recognised import RecognisedKeys
from runyard.identity.uses import KeyUses

SELECT: Final = """
    SELECT k.id, k.user_id, COALESCE(u.email, u.login, u.id::text) AS user, k.project, k.name, k.kind, k.hint,
        k.created_at, k.last_used_at, k.expires_at, k.revoked_at, k.rotated_from
    FROM api_keys k JOIN users u ON u.id = k.user_id
"""


class ApiKeys:
    """Keys of users. ``warn_days`` is the age in days from which one is called old."""

    def __init__(self, database: Database, *, clock: Clock, warn_days: int) -> None:
        self._database = database
        self._clock = clock
        self._warn_days = warn_days
        self._uses = KeyUses(database)
        self._recognised = RecognisedKeys(database, clock=clock)

    async def listen(self, signals: Signals) -> None:
        """Remember the keys that were presented from now on, as long as ``signals`` tells when they change."""
        await self._recognised.listen(signals)

    def forget(self, user_id: UUID) -> None:
        """The user changed: look their keys up again."""
        self._recognised.forget(user_id)

    async def close(self) -> None:
        """Write which keys were used, as far as that is still to be done."""
        await self._uses.close()

    async def authenticate(self, presented: str) -> Principal:
        """Who the bearer of this key is.

        Raises:
            InvalidCredential: malformed (found without the database), unknown, revoked or expired.
            InactiveUser: the key is good, and its user was deactivated.
        """
        if not checksum_ok(presented):
            raise InvalidCredential("malformed")
        key = await self._recognised.find(digest(presented))
        now = self._clock()
        if key.revoked:
            raise InvalidCredential("revoked")
        if key.expires_at is not None and key.expires_at <= now:
            raise InvalidCredential("expired")
        if not key.active:
            raise InactiveUser
        key.used_at = self._uses.note(key.id, before=key.used_at, now=now)
        warning = key_status(
            key.id,
            created_at=key.created_at,
            expires_at=key.expires_at,
            now=now,
            warn_days=self._warn_days,
        ).warning
        if warning is None:
            return key.caller
        return replace(key.caller, credential=replace(key.caller.credential, warning=warning))

    async def issue(
        self,
        user_id: UUID,
        *,
        kind: KeyKind,
        name: str | None = None,
        project: str | None = None,
        expires_in: timedelta | None = None,
    ) -> IssuedKey:
        """Make a key for this user. The secret is in the answer and nowhere else.

        Args:
            user_id: whose key it is.
            kind: what it looks like, see :data:`~runyard.identity.keys.KeyKind`.
            name: what its owner calls it.
            project: the only project it reaches; None for all that its user reaches.
            expires_in: how long it works; None for ever.

        Raises:
            NotFound: there is no such user or project.
            NotAMember: the user is not in that project.
            InvalidValue: the name or the time cannot be used.
        """
        now = self._clock()
        name = None if name is None else checked_name("key name", name)
        project = None if project is None else checked_project(project)
        expires_at = None if expires_in is None else now + checked_lifetime(expires_in)
        key_id, secret = uuid4(), new_key(kind)
        try:
            await _insert(
                self._database,
                key_id,
                secret.reveal(),
                user_id=user_id,
                project=project,
                name=name,
                kind=kind,
                created_at=now,
                expires_at=expires_at,
                rotated_from=None,
            )
        except asyncpg.ForeignKeyViolationError:
            raise await self._stranger(user_id, project) from None
        return IssuedKey(key=await self.get(key_id), secret=secret)

    async def get(self, key_id: UUID) -> ApiKey:
        """The key with this id.

        Raises:
            NotFound: there is none.
        """
        row = await self._database.fetchrow(f"{SELECT} WHERE k.id = $1", key_id)
        if row is None:
            raise NotFound("API key", key_id)
        return ApiKey(**row)

    async def all(self) -> list[ApiKey]:
        """The keys of all users, ended ones too; the newest first."""
        rows = await self._database.fetch(f"{SELECT} ORDER BY k.created_at DESC, k.id DESC")
        return [ApiKey(**row) for row in rows]

    async def of(self, user_id: UUID) -> list[ApiKey]:
        """The keys of one user, ended ones too; the newest first."""
        rows = await self._database.fetch(
            f"{SELECT} WHERE k.user_id = $1 ORDER BY k.created_at DESC, k.id DESC", user_id
        )
        return [ApiKey(**row) for row in rows]

    async def revoke(self, key_id: UUID) -> ApiKey:
        """End a key now. One that was revoked before stays revoked since then.

        Raises:
            NotFound: there is no such key.
        """
        user = await self._database.fetchval(
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING user_id",
            key_id,
            self._clock(),
        )
        if isinstance(user, UUID):
            self.forget(user)
        return await self.get(key_id)

    async def rotate(
        self, key_id: UUID, *, overlap: timedelta = OVERLAP, expires_in: timedelta | None = None
    ) -> IssuedKey:
        """Issue the successor of a key, with the same user, project, kind and name.

        Args:
            key_id: the old key.
            overlap: how long the old one works on, unless its own end is sooner.
            expires_in: how long the new one works; None for as long as the old one was meant to.

        Raises:
            NotFound: there is no such key.
            KeyEnded: it was revoked or has expired, so there is nothing to overlap with.
            InvalidValue: one of the times cannot be used.
        """
        now = self._clock()
        ends = now + checked_overlap(overlap)
        if expires_in is not None:
            checked_lifetime(expires_in)
        old = await self.get(key_id)
        state = old.state(now)
        if state != "active":
            raise KeyEnded(key_id, state)
        lifetime = expires_in if expires_in is not None else old.lifetime
        new_id, secret = uuid4(), new_key(old.kind)

        async def work(connection: Connection) -> None:
            done = await connection.execute(
                "UPDATE api_keys SET expires_at = LEAST(expires_at, $2) WHERE id = $1 AND revoked_at IS NULL",
                old.id,
                ends,
            )
            if done == "UPDATE 0":
                raise KeyEnded(key_id, "revoked")
            await _insert(
                connection,
                new_id,
                secret.reveal(),
                user_id=old.user_id,
                project=old.project,
                name=old.name,
                kind=old.kind,
                created_at=now,
                expires_at=None if lifetime is None else now + lifetime,
                rotated_from=old.id,
            )

        await self._database.transaction(work)
        self.forget(old.user_id)
        return IssuedKey(key=await self.get(new_id), secret=secret)

    def status(self, key: ApiKey) -> KeyStatus:
        """How the key stands now."""
        return key_status(
            key.id,
            created_at=key.created_at,
            expires_at=key.expires_at,
            now=self._clock(),
            warn_days=self._warn_days,
        )

    def state(self, key: ApiKey) -> KeyState:
        """Whether the key works now."""
        return key.state(self._clock())

    async def _stranger(self, user_id: UUID, project: str | None) -> NotFound | NotAMember:
        """Why a key for this user and project was refused by the foreign keys."""
        row = await self._database.fetchrow(
            """
            SELECT (SELECT COALESCE(login, email, id::text) FROM users WHERE id = $1) AS user,
                EXISTS (SELECT FROM projects WHERE name = $2) AS project
            """,
            user_id,
            project,
        )
        if row is None or row["user"] is None:
            return NotFound("User", user_id)
        if project is None or not row["project"]:
            return NotFound("Project", project, "Those that exist: runyard project list")
        return NotAMember(row["user"], project)


async def _insert(
    where: Connection | Database,
    key_id: UUID,
    secret: str,
    *,
    user_id: UUID,
    project: str | None,
    name: str | None,
    kind: KeyKind,
    created_at: datetime,
    expires_at: datetime | None,
    rotated_from: UUID | None,
) -> None:
    await where.execute(
        """
        INSERT INTO api_keys
            (id, user_id, project, name, kind, hint, digest, created_at, expires_at, rotated_from)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING
        """,
        key_id,
        user_id,
        project,
        name,
        kind,
        hint(secret),
        digest(secret),
        created_at,
        expires_at,
        rotated_from,
    )
