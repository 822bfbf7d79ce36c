"""Who the users behind tokens are, remembered until they change: a change is told by NOTIFY to every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Database, Signals
from runyard.identity.errors import InactiveUser, InvalidCredential
from runyard.identity.principal import Credential, Principal

CHANNEL: Final = "runyard_identity"
"""Carries the ids of users that changed or went. A trigger of migration 0002 sends them."""

MOST: Final = 10_000
"""Users remembered; the oldest go first."""

STALE: Final = timedelta(seconds=15)
"""Longest somebody is remembered: the connection that changes are heard on may be cut off in silence."""


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: datetime


class Callers:
    """Looks users up by number. It remembers nothing before :meth:`listen`, so that what it says is always true."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._listening = False
        self._known: dict[int, _Known] = {}
        self._numbers: dict[UUID, int] = {}
        self._changes = 0

    async def listen(self, signals: Signals) -> None:
        """Remember users from now on, and forget them when ``signals`` tells that they changed."""
        await signals.listen(CHANNEL, lambda payload: self.forget(UUID(payload)))
        signals.on_gap(self._forget_all)
        self._listening = True

    async def find(self, number: int) -> Principal:
        """The user with this number as a caller with a token.

        Raises:
            InvalidCredential: there is none, or no longer.
            InactiveUser: they were deactivated.
        """
        known = self._known.get(number)
        if known is not None and self._clock() < known.until:
            return known.principal
        changes = self._changes
        principal = await self._look(number)
        if self._listening and changes == self._changes:  # else what was read may be what was before the change
            self._remember(number, principal)
        return principal

    def forget(self, user_id: UUID) -> None:
        """The user changed: look them up again."""
        self._changes += 1
        number = self._numbers.pop(user_id, None)
        if number is not None:
            self._known.pop(number, None)

    def _forget_all(self) -> None:
        self._changes += 1
        self._known.clear()
        self._numbers.clear()

    def _remember(self, number: int, principal: Principal) -> None:
        self._known[number] = _Known(principal, self._clock() + STALE)
        self._numbers[principal.user_id] = number
        if len(self._known) > MOST:
            oldest = self._known.pop(next(iter(self._known)))
            self._numbers.pop(oldest.principal.user_id, None)

    async def _look(self, number: int) -> Principal:
        row = await self._database.fetchrow(
            """
            SELECT u.id, u.name, u.email, u.is_admin, u.is_active, u.permissions,
                (SELECT jsonb_object_agg(m.project, m.role) FROM memberships m WHERE m.user_id = u.id) AS projects
            FROM users u WHERE u.number = $1::bigint
            """,
            number,
        )
        if row is None:
            raise InvalidCredential("unknown")
        if not row["is_active"]:
            raise InactiveUser
        return Principal(
            user_id=row["id"],
            number=number,
            name=row["name"],
            email=row["email"],
            credential=Credential(kind="token"),
            projects=row["projects"] or {},
            is_admin=row["is_admin"],
            permissions=frozenset(row["permissions"]),
        )
