"""Projects and who is in them, in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.checks import checked_project, storable
from runyard.identity.errors import NotFound
from runyard.identity.model import Project
from runyard.identity.principal import Role

NOBODY: Final[Mapping[UUID, Role]] = MappingProxyType({})


class Projects:
    """The tenants that users share. ``changed`` is told at once whose memberships did."""

    def __init__(self, database: Database, *, clock: Clock, changed: Callable[[UUID], None]) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed

    async def add(self, name: str, *, members: Mapping[UUID, Role] = NOBODY) -> Project:
        """Make the project unless it is there, and give ``members`` their roles. Twice is the same as once.

        Raises:
            InvalidValue: the name is not a DNS label.
            NotFound: one of the members is no user; then nothing is changed.
        """
        checked_project(name)
        now = self._clock()

        async def work(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO projects (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, now
            )
            for member, role in members.items():
                try:
                    await connection.execute(
                        """
                        INSERT INTO memberships (project, user_id, role) VALUES ($1, $2, $3)
                        ON CONFLICT (project, user_id) DO UPDATE SET role = EXCLUDED.role
                        """,
                        name,
                        member,
                        role,
                    )
                except asyncpg.ForeignKeyViolationError:
                    raise NotFound("User", member) from None

        await self._database.transaction(work)
        for member in members:
            self._changed(member)
        return await self.get(name)

    async def remove_member(self, name: str, user_id: UUID) -> Project:
        """Take the user out of the project, if they are in. Their keys for it go with the membership.

        Raises:
            NotFound: there is no such project.
        """
        await self._database.execute(
            "DELETE FROM memberships WHERE project = $1 AND user_id = $2", storable(name), user_id
        )
        self._changed(user_id)
        return await self.get(name)

    async def get(self, name: str) -> Project:
        """The project of this name.

        Raises:
            NotFound: there is none.
        """
        found = await self._select("WHERE p.name = $1", storable(name))
        if not found:
            raise NotFound("Project", name, "Those that exist: runyard project list")
        return found[0]

    async def all(self) -> list[Project]:
        """All projects, by name."""
        return await self._select("")

    async def of(self, user_id: UUID) -> list[Project]:
        """The projects this user is a member of, by name."""
        return await self._select("WHERE p.name IN (SELECT project FROM memberships WHERE user_id = $1)", user_id)

    async def _select(self, condition: str, *values: object) -> list[Project]:
        rows = await self._database.fetch(
            f"""
            SELECT p.name, p.created_at,
                COALESCE(jsonb_object_agg(COALESCE(u.login, u.email, u.id::text), m.role)
                         FILTER (WHERE u.id IS NOT NULL), '{{}}') AS members
            FROM projects p
            LEFT JOIN memberships m ON m.project = p.name
            LEFT JOIN users u ON u.id = m.user_id
            {condition}
            GROUP BY p.name
            ORDER BY p.name
            """,
            *values,
        )
        return [Project(**row) for row in rows]
