"""Who the users behind tokens are."""

from __future__ import annotations

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.errors import InactiveUser, InvalidCredential
from runyard.identity.principal import Credential, Principal
from runyard.identity.remembered import Remembered


class Callers(Remembered[int, Principal]):
    """Finds users by number, as callers with a token.

    Raises:
        InvalidCredential: there is none of this number, or no longer.
        InactiveUser: they were deactivated.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._database = database

    async def _look(self, handle: int) -> Principal:
        row = await self._database.fetchrow(
            """
            SELECT u.id, u.name, u.email, u.is_admin, u.is_active, u.permissions,
                (SELECT jsonb_object_agg(m.project, m.role) FROM memberships m WHERE m.user_id = u.id) AS projects
            FROM users u WHERE u.number = $1::bigint
            """,
            handle,
        )
        if row is None:
            raise InvalidCredential("unknown")
        if not row["is_active"]:
            raise InactiveUser
        return Principal(
            user_id=row["id"],
            number=handle,
            name=row["name"],
            email=row["email"],
            credential=Credential(kind="token"),
            projects=row["projects"] or {},
            is_admin=row["is_admin"],
            permissions=frozenset(row["permissions"]),
        )
