"""Who calls: a user or a guest, the credential that proved it, and the tenants it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

CredentialKind: TypeAlias = Literal["api_key", "token", "ssh_key", "service_account", "guest", "operator"]
Role: TypeAlias = Literal["reader", "member", "admin"]
"""Of a member of a project: readers see its work and start none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proved who calls. Never the secret itself.

    ``expires_at`` is when it ends by itself; None for never.
    ``warning`` is a sentence in ASCII, fit for a header, when the credential is old or about to expire.
    ``scopes`` are the only roles in a workspace that it may be used for; None for all.
    """

    kind: CredentialKind
    id: UUID | None = None
    expires_at: datetime | None = None
    warning: str | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of one request.

    ``project`` is set when the credential is confined to one project. It then reaches nothing else: not the
    user's other projects, not their private tenant, and it administers nothing beyond that project.
    ``number`` is what tokens and topics call the user; guests are 0. ``permissions`` are words of the services.
    """

    user_id: UUID
    name: str
    credential: Credential
    email: str | None = None
    projects: Mapping[str, Role] = field(default_factory=dict, hash=False)
    project: str | None = None
    is_admin: bool = False
    number: int = 0
    permissions: frozenset[str] = frozenset()

    @property
    def tenant(self) -> str:
        """Where this caller's work goes unless it names another place."""
        return user_tenant(self.user_id) if self.project is None else project_tenant(self.project)


def user_tenant(user_id: UUID) -> str:
    """The private tenant of a user."""
    return f"user:{user_id}"


def project_tenant(name: str) -> str:
    """The tenant that the members of a project share."""
    return f"project:{name}"


GUEST: Final = Principal(user_id=UUID(int=0), name="guest", credential=Credential(kind="guest"))
"""Whoever calls without a credential, where the operator allows that. All are one user in one tenant."""

OPERATOR: Final = Principal(user_id=UUID(int=1), name="operator", credential=Credential(kind="operator"), is_admin=True)
"""The yard itself, and who works on its own machine: holding the data folder, they hold everything in it."""
