"""Service accounts on the wire. Only the answer to their making, and to a rotation, holds a secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from runyard.identity.service_accounts import ServiceAccount as Kept
from runyard.services.runs.models.base import WHOLE, Answer, Ask, Id, Iso, Listing, Maybe
from runyard.services.runs.models.shapes import Name
from runyard.services.runs.models.users import Roles, UserRole


class ServiceAccount(Answer):
    """A program, or a machine, that takes part in a workspace."""

    client_id: Id
    workspace_id: Id
    user_id: Id
    name: Name
    roles: list[UserRole]
    machine_id: Maybe[Id] = None
    created_at_iso: Iso
    expires_at_iso: Maybe[Iso] = None
    revoked_at_iso: Maybe[Iso] = None
    last_used_at_iso: Maybe[Iso] = None
    client_secret: Maybe[str] = None

    @classmethod
    def of(cls, kept: Kept, *, secret: str | None = None) -> ServiceAccount:
        """The account as it is kept, with its new secret if there is one."""
        return cls(
            client_id=kept.client_id,
            workspace_id=kept.workspace,
            user_id=str(kept.user_id),
            name=kept.name,
            roles=list(kept.roles),
            machine_id=kept.machine_id,
            created_at_iso=kept.created_at,
            expires_at_iso=kept.expires_at,
            revoked_at_iso=kept.revoked_at,
            last_used_at_iso=kept.last_used_at,
            client_secret=secret,
        )

    def without_secret(self) -> ServiceAccount:
        """The same for those who ask again."""
        return self.model_copy(update={"client_secret": None})


class ServiceAccountListResponse(Listing):
    """The programs of a workspace, those that have ended too."""

    items: list[ServiceAccount]


class CreateServiceAccountRequest(Ask):
    """A program that is to take part."""

    name: Name
    roles: Roles
    expires_in_seconds: Maybe[Annotated[int, Field(gt=0, le=36_500 * 86_400), WHOLE]] = None

    @property
    def lifetime(self) -> timedelta | None:
        """How long it is to work; None for ever."""
        return None if self.expires_in_seconds is None else timedelta(seconds=self.expires_in_seconds)
