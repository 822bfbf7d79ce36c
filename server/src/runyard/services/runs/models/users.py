"""The people of a workspace on the wire."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from runyard.identity.checks import EMAIL, LONGEST
from runyard.identity.workspace_users import WorkspaceUser
from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe
from runyard.services.runs.models.shapes import Changes, Name
from runyard.services.runs.words import Role

UserRole: TypeAlias = Role


def _once_each(roles: list[Role]) -> list[Role]:
    if len(set(roles)) < len(roles):
        raise PydanticCustomError("unique", "name each role once")
    return roles


Roles: TypeAlias = Annotated[
    list[UserRole],
    Field(min_length=1, max_length=len(Role), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once_each),
]
Email: TypeAlias = Annotated[
    str,
    Field(min_length=3, max_length=200),
    WithJsonSchema({"type": "string", "format": "email", "pattern": f"^{EMAIL.pattern}$", "maxLength": LONGEST}),
]


class User(Answer):
    """A person who takes part in a workspace."""

    user_id: Id
    workspace_id: Id
    email: Email
    display_name: Maybe[Name] = None
    roles: Roles
    active: bool
    created_at_iso: Iso

    @classmethod
    def of(cls, kept: WorkspaceUser) -> User:
        """The person as they are kept."""
        return cls(
            user_id=str(kept.user_id),
            workspace_id=kept.workspace,
            email=kept.email,
            display_name=kept.display_name,
            roles=list(kept.roles),
            active=kept.active,
            created_at_iso=kept.created_at,
        )


class UserListResponse(Listing):
    """The people of a workspace."""

    items: list[User]


class AddWorkspaceUserRequest(Ask):
    """Somebody who is to take part."""

    email: Email
    roles: Roles
    display_name: Maybe[Name] = None
    active: bool = True


class UpdateWorkspaceUserRequest(Changes):
    """What is to change about somebody."""

    display_name: Maybe[Name] = None
    roles: Maybe[Roles] = None
    active: Maybe[bool] = None
