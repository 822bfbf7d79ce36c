"""Keys as they are recognised when somebody presents them, with the user behind each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.errors import InvalidCredential
from runyard.identity.principal import Credential, Principal
from runyard.identity.remembered import Remembered


@dataclass(slots=True, kw_only=True)
class RecognisedKey:
    """A key that was issued, good or not.

    Attributes:
        caller: whom it proves, as long as it is good.
        used_at: its last use that was noted.
        active: whether its user is.
    """

    id: UUID
    caller: Principal
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked: bool
    active: bool

    @property
    def user_id(self) -> UUID:
        """Whose it is."""
        return self.caller.user_id


class RecognisedKeys(Remembered[bytes, RecognisedKey]):
    """Finds keys by their digests.

    Raises:
        InvalidCredential: there is none of this digest.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._database = database

    async def _look(self, handle: bytes) -> RecognisedKey:
        row = await self._database.fetchrow(
            """
            SELECT k.id AS key, k.project, k.created_at, k.last_used_at, k.expires_at, k.revoked_at,
                u.id AS user, u.number, u.name, u.email, u.is_admin, u.is_active, u.permissions,
                (SELECT jsonb_object_agg(m.project, m.role) FROM memberships m
                 WHERE m.user_id = u.id AND m.project = COALESCE(k.project, m.project)) AS projects
            FROM api_keys k JOIN users u ON u.id = k.user_id
            WHERE k.digest = $1
            """,
            handle,
        )
        if row is None:
            raise InvalidCredential("unknown")
        caller = Principal(
            user_id=row["user"],
            number=row["number"],
            name=row["name"],
            email=row["email"],
            credential=Credential(kind="api_key", id=row["key"], expires_at=row["expires_at"]),
            projects=row["projects"] or {},
            project=row["project"],
            is_admin=row["is_admin"] and row["project"] is None,
            permissions=frozenset(row["permissions"]),
        )
        return RecognisedKey(
            id=row["key"],
            caller=caller,
            created_at=row["created_at"],
            used_at=row["last_used_at"],
            expires_at=row["expires_at"],
            revoked=row["revoked_at"] is not None,
            active=row["is_active"],
        )
