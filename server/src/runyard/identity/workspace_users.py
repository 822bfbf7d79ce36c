"""The people in workspaces, with their roles, in the database. Each is a user of the yard, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.database import Connection, Database
from runyard.identity.checks import checked_email, checked_name
from runyard.identity.errors import AlreadyExists, LastAdmin, NotFound
from runyard.identity.principal import Role
from runyard.identity.roles import WorkspaceRole

SELECT: Final = "SELECT workspace, user_id, email, display_name, roles, active, created_at FROM workspace_users"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceUser:
    """A person in a workspace."""

    workspace: str
    user_id: UUID
    email: str
    display_name: str | None
    roles: tuple[WorkspaceRole, ...]
    active: bool
    created_at: datetime


class WorkspaceUsers:
    """Who takes part. ``changed`` is told who changes.

    Changes take place in the transaction of ``connection``; a workspace always keeps an active admin.
    """

    def __init__(self, database: Database, *, changed: Callable[[UUID], None]) -> None:
        self._database = database
        self._changed = changed

    async def add(
        self,
        connection: Connection,
        workspace: str,
        email: str,
        *,
        roles: Iterable[WorkspaceRole],
        now: datetime,
        display_name: str | None = None,
        active: bool = True,
    ) -> WorkspaceUser:
        """Let somebody take part. A user of the yard with this email is made unless there is one.

        Raises:
            InvalidValue: the email or the name can't be used.
            AlreadyExists: they take part already.
        """
        checked_email(email)
        display_name = None if display_name is None else checked_name("display name", display_name)
        await connection.execute(
            "INSERT INTO users (id, name, email, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
            uuid4(),
            display_name or email.partition("@")[0],
            email,
            now,
        )
        user_id = await connection.fetchval("SELECT id FROM users WHERE email = $1", email)
        made = await connection.execute(
            """
            INSERT INTO workspace_users (workspace, user_id, email, display_name, roles, active, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """,
            workspace,
            user_id,
            email,
            display_name,
            _in_order(roles),
            active,
            now,
        )
        if made == "INSERT 0 0":
            way_out = f"Change their roles: PATCH /v1/workspaces/{workspace}/users/{user_id}"
            raise AlreadyExists(f"{email!r} takes part in this workspace already. {way_out}")
        user = await self.get(workspace, user_id, connection)
        await self._settle(connection, user)
        return user

    async def get(self, workspace: str, user_id: UUID, connection: Connection | None = None) -> WorkspaceUser:
        """One person; inside a transaction if its connection is given, and locked.

        Raises:
            NotFound: they don't take part in this workspace.
        """
        where, lock = (self._database, "") if connection is None else (connection, "FOR UPDATE")
        row = await where.fetchrow(f"{SELECT} WHERE workspace = $1 AND user_id = $2 {lock}", workspace, user_id)
        if row is None:
            raise NotFound("User", user_id)
        return _user(row)

    async def page(self, workspace: str, *, after: tuple[datetime, UUID], limit: int) -> list[WorkspaceUser]:
        """Up to ``limit`` people, those who came first before the others, after the one of this time and id."""
        rows = await self._database.fetch(
            f"""
            {SELECT} WHERE workspace = $1 AND (created_at, user_id) > ($2, $3)
            ORDER BY created_at, user_id LIMIT $4
            """,
            workspace,
            *after,
            limit,
        )
        return [_user(row) for row in rows]

    async def update(
        self,
        connection: Connection,
        workspace: str,
        user_id: UUID,
        *,
        display_name: str | None = None,
        roles: Iterable[WorkspaceRole] | None = None,
        active: bool | None = None,
    ) -> WorkspaceUser:
        """Change what is given.

        Raises:
            NotFound: they don't take part in this workspace.
            InvalidValue: the name can't be used.
            LastAdmin: nobody could administer the workspace any more.
        """
        await connection.execute(
            """
            UPDATE workspace_users SET display_name = COALESCE($3, display_name), roles = COALESCE($4, roles),
                active = COALESCE($5, active)
            WHERE workspace = $1 AND user_id = $2
            """,
            workspace,
            user_id,
            None if display_name is None else checked_name("display name", display_name),
            None if roles is None else _in_order(roles),
            active,
        )
        user = await self.get(workspace, user_id, connection)
        await self._keep_an_admin(connection, user)
        await self._settle(connection, user)
        return user

    async def remove(self, connection: Connection, workspace: str, user_id: UUID) -> WorkspaceUser:
        """Have somebody take part no more. They stay a user of the yard.

        With their last workspace goes what an issuer calls them: invited again, they are recognised by their email.

        Raises:
            NotFound: they don't take part in this workspace.
            LastAdmin: nobody could administer the workspace any more.
        """
        user = await self.get(workspace, user_id, connection)
        await connection.execute(
            "DELETE FROM workspace_users WHERE workspace = $1 AND user_id = $2", workspace, user_id
        )
        await self._keep_an_admin(connection, user)
        await _leave(connection, workspace, user_id)
        await connection.execute(
            """
            DELETE FROM external_identities WHERE user_id = $1
                AND NOT EXISTS (SELECT FROM workspace_users WHERE user_id = $1)
            """,
            user_id,
        )
        self._changed(user_id)
        return user

    async def _settle(self, connection: Connection, user: WorkspaceUser) -> None:
        """Have them see the project's work, or not, in the yard's other services as well."""
        if user.active:
            await join(connection, user.workspace, user.user_id, user.roles)
        else:
            await _leave(connection, user.workspace, user.user_id)
        self._changed(user.user_id)

    async def _keep_an_admin(self, connection: Connection, user: WorkspaceUser) -> None:
        others = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM workspace_users WHERE workspace = $1 AND active AND 'admin' = ANY (roles))",
            user.workspace,
        )
        if not others:
            raise LastAdmin(user.display_name or str(user.user_id))


async def join(connection: Connection, workspace: str, user_id: UUID, roles: Iterable[WorkspaceRole]) -> None:
    """Make a user a member of the workspace's project: those who don't work in the workspace don't in the project."""
    await connection.execute(
        """
        INSERT INTO memberships (project, user_id, role) VALUES ($1, $2, $3)
        ON CONFLICT (project, user_id) DO UPDATE SET role = EXCLUDED.role
        """,
        workspace,
        user_id,
        _standing(frozenset(roles)),
    )


def _standing(roles: frozenset[WorkspaceRole]) -> Role:
    if WorkspaceRole.ADMIN in roles:
        return "admin"
    return "member" if WorkspaceRole.OPERATOR in roles else "reader"


async def _leave(connection: Connection, workspace: str, user_id: UUID) -> None:
    await connection.execute("DELETE FROM memberships WHERE project = $1 AND user_id = $2", workspace, user_id)


def _in_order(roles: Iterable[WorkspaceRole]) -> list[WorkspaceRole]:
    wanted = set(roles)
    return [role for role in WorkspaceRole if role in wanted]


def _user(row: asyncpg.Record) -> WorkspaceUser:
    return WorkspaceUser(**{**row, "roles": tuple(map(WorkspaceRole, row["roles"]))})
