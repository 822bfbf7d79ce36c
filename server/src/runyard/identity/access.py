"""The one access decision: may this principal do that to what belongs to this owner and tenant?

Everything in the yard belongs to an owner (a user) and a tenant (a user's private one, or a project's).

- A user reads, lists, submits and cancels in their private tenant and in the tenants of their projects; where they are
  a reader, they read and list.
- What a user owns stays theirs to read, list and cancel after they left the project it is in.
- A credential confined to a project reaches that project only, not even what its user owns elsewhere.
- One that is for some roles of a workspace submits and cancels only if one of them works there, and administers only
  as an admin.
- An admin administers users, projects and keys. That gives no right to other people's work: an admin who
  wants to see a project's jobs joins the project, and the membership shows.
- A project's admin administers that project.
- Guests share one tenant and administer nothing.
- The operator, who holds the machine and its data folder, may do everything: refusing would only be for show.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from runyard.identity.errors import Forbidden
from runyard.identity.principal import project_tenant, user_tenant
from runyard.identity.roles import WorkspaceRole

if TYPE_CHECKING:
    from uuid import UUID

    from runyard.identity.principal import Principal


class Action(StrEnum):
    """What can be done to work, and to the yard itself."""

    READ = "read"
    LIST = "list"
    SUBMIT = "submit"
    CANCEL = "cancel"
    ADMINISTER = "administer"


_WORKING: Final = frozenset({Action.SUBMIT, Action.CANCEL})
_WORK: Final = frozenset({WorkspaceRole.ADMIN, WorkspaceRole.OPERATOR})
_SCOPES: Final[Mapping[Action, frozenset[str]]] = MappingProxyType(
    {
        Action.READ: frozenset(WorkspaceRole),
        Action.LIST: frozenset(WorkspaceRole),
        Action.SUBMIT: _WORK,
        Action.CANCEL: _WORK,
        Action.ADMINISTER: frozenset({WorkspaceRole.ADMIN}),
    }
)
"""Roles that a credential has to be for one of, if it is only for some."""


def allowed(principal: Principal, action: Action, *, owner: UUID | None = None, tenant: str | None = None) -> bool:
    """Whether ``principal`` may do ``action``.

    Args:
        principal: who calls.
        action: what they want to do.
        owner: the user that the thing belongs to.
        tenant: the tenant that it is in, or will be in. Without both, the thing is the yard itself.
    """
    if principal.credential.kind == "operator":
        return True
    scopes = principal.credential.scopes
    if scopes is not None and not scopes & _SCOPES[action]:
        return False
    if action is Action.ADMINISTER:
        return _administers(principal, tenant)
    if _reaches(principal, tenant, works=action in _WORKING):
        return True
    return action is not Action.SUBMIT and principal.project is None and owner == principal.user_id


def require(principal: Principal, action: Action, *, owner: UUID | None = None, tenant: str | None = None) -> None:
    """Return if :func:`allowed`.

    Raises:
        Forbidden: it is not. The text names neither owner nor tenant, to tell nothing of what is hidden.
    """
    if not allowed(principal, action, owner=owner, tenant=tenant):
        raise Forbidden(f"{principal.name!r} may not {action} this.")


def _reaches(principal: Principal, tenant: str | None, *, works: bool) -> bool:
    if tenant is None:
        return False
    role = {project_tenant(name): role for name, role in principal.projects.items()}.get(tenant)
    return tenant == principal.tenant if role is None else not (works and role == "reader")


def _administers(principal: Principal, tenant: str | None) -> bool:
    if principal.credential.kind == "guest":
        return False
    if principal.is_admin:
        return True
    own = principal.project is None and tenant == user_tenant(principal.user_id)
    return own or tenant in {project_tenant(name) for name, role in principal.projects.items() if role == "admin"}
