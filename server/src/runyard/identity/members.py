"""Who takes part in a workspace and as what, remembered until it changes: NOTIFY tells every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Database, Signals
from runyard.identity.callers import CHANNEL, MOST, STALE
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


@dataclass(frozen=True, slots=True)
class _Known:
    members: Mapping[str, Member]
    until: datetime


class Members:
    """Looks members up by user. It remembers nothing before :meth:`listen`, so that what it says is always true."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._listening = False
        self._known: dict[UUID, _Known] = {}
        self._changes = 0

    async def listen(self, signals: Signals) -> None:
        """Remember members from now on, and forget them when ``signals`` tells that they changed."""
        await signals.listen(CHANNEL, lambda payload: self.forget(UUID(payload)))
        signals.on_gap(self._forget_all)
        self._listening = True

    async def find(self, workspace: str, user_id: UUID) -> Member | None:
        """The user as a member of this workspace; None if they are none, or if there is no such workspace."""
        return (await self.of(user_id)).get(workspace)

    async def of(self, user_id: UUID) -> Mapping[str, Member]:
        """The user in every workspace they are a member of, by its id."""
        known = self._known.get(user_id)
        if known is not None and self._clock() < known.until:
            return known.members
        changes = self._changes
        members = await self._look(user_id)
        if self._listening and changes == self._changes:  # else what was read may be what was before the change
            self._known[user_id] = _Known(members, self._clock() + STALE)
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]
        return members

    def forget(self, user_id: UUID) -> None:
        """The user changed: look them up again."""
        self._changes += 1
        self._known.pop(user_id, None)

    def _forget_all(self) -> None:
        self._changes += 1
        self._known.clear()

    async def _look(self, user_id: UUID) -> Mapping[str, Member]:
        rows = await self._database.fetch(
            """
            SELECT m.workspace, COALESCE(m.display_name, u.name) AS name, 'user' AS kind, m.roles, m.active,
                NULL AS machine_id
            FROM workspace_users m JOIN users u ON u.id = m.user_id WHERE m.user_id = $1
            UNION ALL
            SELECT workspace, name, CASE WHEN machine_id IS NULL THEN 'service_account' ELSE 'machine' END, roles,
                revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2), machine_id
            FROM service_accounts WHERE user_id = $1
            """,
            user_id,
            self._clock(),
        )
        return {
            row["workspace"]: Member(
                **{**row, "user_id": user_id, "roles": frozenset(map(WorkspaceRole, row["roles"]))}
            )
            for row in rows
        }
