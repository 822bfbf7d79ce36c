"""Workspaces: projects with a name for people, roles, and a book of what is done in them. In the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from runyard.database import Connection, Database
from runyard.identity.checks import checked_name, checked_project, storable
from runyard.identity.errors import AlreadyExists, NotFound

SELECT: Final = "SELECT id, name, created_at FROM workspaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A place for governed work. Its ``id`` is the name of its project."""

    id: str
    name: str
    created_at: datetime


class Workspaces:
    """The workspaces of a yard. ``changed`` is told whose memberships do."""

    def __init__(self, database: Database, *, changed: Callable[[UUID], None]) -> None:
        self._database = database
        self._changed = changed

    async def create(
        self, connection: Connection, workspace: str, name: str, *, now: datetime, adopt: bool = False
    ) -> Workspace:
        """Make a workspace, with nobody in it yet.

        Args:
            connection: whose transaction this belongs to.
            workspace: its id.
            name: what people call it; no two have the same.
            now: the time.
            adopt: whether it may be made of a project that is there already.

        Raises:
            InvalidValue: the id is no DNS label, or the name can't be used.
            AlreadyExists: one of the two is taken, or was by a workspace that is no more.
        """
        checked_project(workspace)
        name = checked_name("workspace name", name)
        made = await connection.execute(
            "INSERT INTO projects (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", workspace, now
        )
        if made == "INSERT 0 0" and not adopt:
            raise _taken(f"id {workspace!r}")
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO workspaces (id, name, created_at) VALUES ($1, $2, $3)", workspace, name, now
                )
        except asyncpg.UniqueViolationError as error:
            raise _taken(_which(error, workspace, name)) from None
        return Workspace(id=workspace, name=name, created_at=now)

    async def get(self, workspace: str, connection: Connection | None = None) -> Workspace:
        """The workspace with this id; inside a transaction if its connection is given.

        Raises:
            NotFound: there is none.
        """
        where = self._database if connection is None else connection
        row = await where.fetchrow(f"{SELECT} WHERE id = $1 AND deleted_at IS NULL", storable(workspace))
        if row is None:
            raise NotFound("Workspace", workspace)
        return Workspace(**row)

    async def all(self) -> list[Workspace]:
        """All workspaces, by id."""
        return [
            Workspace(**row) for row in await self._database.fetch(f"{SELECT} WHERE deleted_at IS NULL ORDER BY id")
        ]

    async def page(
        self, user_id: UUID, *, only: str | None, after: tuple[datetime, str], limit: int
    ) -> list[Workspace]:
        """Up to ``limit`` of the workspaces that this user takes part in, the oldest first.

        Args:
            user_id: whose.
            only: the id of the one that is meant, if only one is.
            after: time and id of the last one seen.
            limit: how many at most.
        """
        rows = await self._database.fetch(
            f"""
            {SELECT} WHERE deleted_at IS NULL AND (created_at, id) > ($2, $3) AND id = COALESCE($4, id) AND id IN (
                SELECT workspace FROM workspace_users WHERE user_id = $1 AND active
                UNION ALL SELECT workspace FROM service_accounts WHERE user_id = $1 AND revoked_at IS NULL
            )
            ORDER BY created_at, id LIMIT $5
            """,
            user_id,
            *after,
            only,
            limit,
        )
        return [Workspace(**row) for row in rows]

    async def rename(self, connection: Connection, workspace: str, name: str) -> Workspace:
        """Give a workspace another name.

        Raises:
            NotFound: there is no such workspace.
            InvalidValue, AlreadyExists: the name can't be used.
        """
        name = checked_name("workspace name", name)
        try:
            async with connection.transaction():
                await connection.execute(
                    "UPDATE workspaces SET name = $2 WHERE id = $1 AND deleted_at IS NULL", workspace, name
                )
        except asyncpg.UniqueViolationError:
            raise _taken(f"name {name!r}") from None
        return await self.get(workspace, connection)

    async def delete(self, connection: Connection, workspace: str, *, now: datetime) -> None:
        """End a workspace: nobody takes part in it any more. What was done in it stays proven, its id stays taken.

        Raises:
            NotFound: there is no such workspace.
        """
        await self.get(workspace, connection)
        members = await connection.fetch(
            """
            SELECT user_id FROM workspace_users WHERE workspace = $1
            UNION ALL SELECT user_id FROM service_accounts WHERE workspace = $1
            """,
            workspace,
        )
        await connection.execute("DELETE FROM workspace_users WHERE workspace = $1", workspace)
        await connection.execute(
            "UPDATE service_accounts SET revoked_at = COALESCE(revoked_at, $2) WHERE workspace = $1", workspace, now
        )
        await connection.execute(
            "DELETE FROM memberships WHERE project = $1 AND user_id = ANY ($2)",
            workspace,
            [row["user_id"] for row in members],
        )
        await connection.execute("UPDATE workspaces SET deleted_at = $2 WHERE id = $1", workspace, now)
        for row in members:
            self._changed(row["user_id"])


def _which(error: asyncpg.UniqueViolationError, workspace: str, name: str) -> str:
    return f"name {name!r}" if error.constraint_name == "workspaces_name" else f"id {workspace!r}"


def _taken(what: str) -> AlreadyExists:
    return AlreadyExists(f"The {what} is taken. Choose another.")
