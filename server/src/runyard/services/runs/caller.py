"""Who asks, in one workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from runyard.services.runs.evidence.entry import Actor, Machine, User
from runyard.services.runs.refused import forbidden
from runyard.services.runs.words import MAY, Act, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who was let into a workspace. Persons, service accounts and machines all have a user of the yard."""

    workspace: str
    user: UUID
    name: str
    kind: Literal["user", "service_account", "machine"]
    roles: frozenset[Role]
    correlation_id: str
    machine_id: str | None = None

    @property
    def user_id(self) -> str:
        """The user as the protocol names them."""
        return str(self.user)

    @property
    def actor(self) -> Actor:
        """Who evidence says it was."""
        return User(user_id=self.user_id) if self.machine_id is None else Machine(machine_id=self.machine_id)

    def may(self, act: Act) -> bool:
        """Whether one of the caller's roles may do this."""
        return not self.roles.isdisjoint(MAY.get(act, frozenset()))

    def require(self, act: Act) -> None:
        """Return if the caller may.

        Raises:
            Refused: they may not.
        """
        if not self.may(act):
            wanted = " or ".join(sorted(MAY.get(act, frozenset())))
            raise forbidden(f"This ({act}) takes the role {wanted}. Yours: {', '.join(sorted(self.roles)) or 'none'}.")
