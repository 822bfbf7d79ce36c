"""Service accounts: programs and machines that take part in a workspace, and prove it by a secret. In the database."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.checks import checked_lifetime, checked_name, storable
from runyard.identity.errors import AlreadyExists, InvalidCredential, NotFound
from runyard.identity.keys import Secret, digest, new_key
from runyard.identity.roles import WorkspaceRole
from runyard.identity.workspace_users import join

COARSE: Final = timedelta(minutes=1)
"""How often a use is written down."""

SELECT: Final = """
    SELECT s.client_id, s.workspace, s.user_id, u.number, s.name, s.roles, s.machine_id, s.created_at, s.expires_at,
        s.revoked_at, s.last_used_at
    FROM service_accounts s JOIN users u ON u.id = s.user_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """What the yard knows of a program or, with a ``machine_id``, a machine. It does not know the secret."""

    client_id: str
    workspace: str
    user_id: UUID
    number: int
    name: str
    roles: tuple[WorkspaceRole, ...]
    machine_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAccount:
    """A service account, and the only copy of its new secret."""

    account: ServiceAccount
    secret: Secret


class ServiceAccounts:
    """Programs in workspaces. ``changed`` is told who changes. Changes are part of ``connection``'s transaction."""

    def __init__(self, database: Database, *, clock: Clock, changed: Callable[[UUID], None]) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed

    async def create(
        self,
        connection: Connection,
        workspace: str,
        name: str,
        *,
        roles: Iterable[WorkspaceRole],
        expires_in: timedelta | None = None,
        machine_id: str | None = None,
    ) -> IssuedAccount:
        """Make one.

        Args:
            connection: whose transaction this belongs to.
            workspace: where it takes part.
            name: what people call it; no two that work have the same there.
            roles: its roles; none for a machine, which only does what it is sent.
            expires_in: how long it works; None for ever.
            machine_id: the machine it is, if it is one.

        Raises:
            NotFound: there is no such workspace.
            InvalidValue: the name or the time can't be used.
            AlreadyExists: the name is taken.
        """
        now, user_id, secret, roles = self._clock(), uuid4(), new_key("client"), frozenset(roles)
        name, client_id = checked_name("service account's name", name), f"sa-{uuid4()}"
        await connection.execute("INSERT INTO users (id, name, created_at) VALUES ($1, $2, $3)", user_id, name, now)
        try:
            async with connection.transaction():
                made = await connection.execute(
                    """
                    INSERT INTO service_accounts
                        (client_id, workspace, user_id, name, secret_digest, roles, machine_id, created_at, expires_at)
                    SELECT $1, id, $3, $4, $5, $6, $7, $8, $9 FROM workspaces WHERE id = $2 AND deleted_at IS NULL
                    """,
                    client_id,
                    workspace,
                    user_id,
                    name,
                    digest(secret.reveal()),
                    sorted(roles),
                    machine_id,
                    now,
                    None if expires_in is None else now + checked_lifetime(expires_in),
                )
        except asyncpg.UniqueViolationError:
            raise AlreadyExists(f"A service account {name!r} exists in this workspace already.") from None
        if made == "INSERT 0 0":
            raise NotFound("Workspace", workspace)
        if machine_id is None:  # a machine only does what it is sent: the project's other work is none of its business
            await join(connection, workspace, user_id, roles)
        self._changed(user_id)
        return IssuedAccount(account=await self.get(workspace, client_id, connection), secret=secret)

    async def get(self, workspace: str, client_id: str, connection: Connection | None = None) -> ServiceAccount:
        """The one with this id, ended or not; inside a transaction if its connection is given.

        Raises:
            NotFound: there is none in this workspace.
        """
        where = self._database if connection is None else connection
        row = await where.fetchrow(
            f"{SELECT} WHERE s.workspace = $1 AND s.client_id = $2", workspace, storable(client_id)
        )
        if row is None:
            raise NotFound("Service account", client_id)
        return _account(row)

    async def all(self, workspace: str) -> list[ServiceAccount]:
        """A workspace's, ended ones too, the oldest first."""
        rows = await self._database.fetch(
            f"{SELECT} WHERE s.workspace = $1 ORDER BY s.created_at, s.client_id", storable(workspace)
        )
        return [_account(row) for row in rows]

    async def page(self, workspace: str, *, after: tuple[datetime, str], limit: int) -> list[ServiceAccount]:
        """Up to ``limit`` of a workspace's, ended ones too, the oldest first, after the one of this time and id."""
        rows = await self._database.fetch(
            f"""
            {SELECT} WHERE s.workspace = $1 AND (s.created_at, s.client_id) > ($2, $3)
            ORDER BY s.created_at, s.client_id LIMIT $4
            """,
            workspace,
            *after,
            limit,
        )
        return [_account(row) for row in rows]

    async def rotate(self, connection: Connection, workspace: str, client_id: str) -> IssuedAccount:
        """Give it a new secret; the old one ends at once.

        Raises:
            NotFound: there is none that works.
        """
        secret = new_key("client")
        done = await connection.execute(
            """
            UPDATE service_accounts SET secret_digest = $3
            WHERE workspace = $1 AND client_id = $2 AND revoked_at IS NULL
            """,
            workspace,
            storable(client_id),
            digest(secret.reveal()),
        )
        if done == "UPDATE 0":
            raise NotFound("Service account", client_id)
        return IssuedAccount(account=await self.get(workspace, client_id, connection), secret=secret)

    async def revoke(self, connection: Connection, workspace: str, client_id: str) -> ServiceAccount:
        """End it now, and its tokens with it. One that was revoked before stays revoked since then.

        Raises:
            NotFound: there is none.
        """
        account = await self.get(workspace, client_id, connection)
        await connection.execute(
            "UPDATE service_accounts SET revoked_at = COALESCE(revoked_at, $2) WHERE client_id = $1",
            account.client_id,
            self._clock(),
        )
        await connection.execute(
            "DELETE FROM memberships WHERE project = $1 AND user_id = $2", workspace, account.user_id
        )
        self._changed(account.user_id)
        return await self.get(workspace, client_id, connection)

    async def authenticate(self, client_id: str, secret: str) -> ServiceAccount:
        """The service account with this id and secret.

        Raises:
            InvalidCredential: there is none, the secret is another, or it was revoked or has expired.
        """
        row = await self._database.fetchrow(
            "SELECT workspace, secret_digest FROM service_accounts WHERE client_id = $1", storable(client_id)
        )
        kept: bytes = row["secret_digest"] if row is not None else bytes(32)
        if not hmac.compare_digest(kept, digest(secret)) or row is None:
            raise InvalidCredential("unknown")
        account, now = await self.get(row["workspace"], client_id), self._clock()
        if account.revoked_at is not None:
            raise InvalidCredential("revoked")
        if account.expires_at is not None and account.expires_at <= now:
            raise InvalidCredential("expired")
        if account.last_used_at is None or now - account.last_used_at >= COARSE:
            await self._database.execute(
                "UPDATE service_accounts SET last_used_at = $2 WHERE client_id = $1", client_id, now
            )
        return account


def _account(row: asyncpg.Record) -> ServiceAccount:
    return ServiceAccount(**{**row, "roles": tuple(map(WorkspaceRole, row["roles"]))})
