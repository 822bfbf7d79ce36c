"""Who takes part in which workspace, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.remembered import Remembered
from runyard.identity.roles import WorkspaceRole

MemberKind: TypeAlias = Literal["user", "service_account", "machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person, a program or a machine in one workspace. Who isn't ``active`` is known there, and may do nothing."""

    workspace: str
    user_id: UUID
    name: str
    kind: MemberKind
    roles: frozenset[WorkspaceRole]
    active: bool
    machine_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """One user's workspaces, by id."""

    user_id: UUID
    workspaces: Mapping[str, Member] = field(hash=False)


class Members(Remembered[UUID, Memberships]):
    """Finds out of which workspaces a user is a member. Who is unknown is a member of none."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._database = database

    async def member(self, workspace: str, user_id: UUID) -> Member | None:
        """The user as a member of this workspace; None if they are none, or if there is no such workspace."""
        return (await self.find(user_id)).workspaces.get(workspace)

    async def member_now(self, connection: Connection, workspace: str, user_id: UUID) -> Member | None:
        """The same as an open transaction sees it, which needs no other connection and remembers nothing."""
        return (await self._read(connection, user_id)).workspaces.get(workspace)

    async def _look(self, handle: UUID) -> Memberships:
        return await self._read(self._database, handle)

    async def _read(self, where: Database | Connection, handle: UUID) -> Memberships:
        rows = await where.fetch(
            """
            SELECT m.workspace, COALESCE(m.display_name, u.name) AS name, 'user' AS kind, m.roles, m.active,
                NULL AS machine_id
            FROM workspace_users m JOIN users u ON u.id = m.user_id WHERE m.user_id = $1
            UNION ALL
            SELECT workspace, name, CASE WHEN machine_id IS NULL THEN 'service_account' ELSE 'machine' END, roles,
                true, machine_id
            FROM service_accounts WHERE user_id = $1 AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > $2)
            """,
            handle,
            self._clock(),
        )
        found = [
            Member(**{**row, "user_id": handle, "roles": frozenset(map(WorkspaceRole, row["roles"]))}) for row in rows
        ]
        return Memberships(user_id=handle, workspaces={each.workspace: each for each in found})
