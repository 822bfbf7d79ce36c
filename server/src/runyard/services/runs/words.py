"""Who may do what: the service's one table of roles and acts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from runyard.identity.roles import WorkspaceRole as Role

__all__ = ["MAY", "Act", "Role"]


class Act(StrEnum):
    """What can be done in a workspace."""

    READ = "read"
    WORKSPACE_WRITE = "workspace:write"
    USER_WRITE = "user:write"
    SERVICE_ACCOUNT_READ = "service-account:read"
    SERVICE_ACCOUNT_WRITE = "service-account:write"
    WORKFLOW_WRITE = "workflow:write"
    RUN_START = "run:start"
    RUN_CANCEL = "run:cancel"
    RUN_INTERVENE = "run:intervene"
    RUN_ANNOTATE = "run:annotate"
    APPROVAL_CREATE = "approval:create"
    APPROVAL_DECIDE = "approval:decide"
    EVIDENCE_INGEST = "evidence:ingest"
    POLICY_WRITE = "policy:write"
    POLICY_EVALUATE = "policy:evaluate"
    MACHINE_WRITE = "machine:write"
    MACHINE_TEST = "machine:test"
    MACHINE_INVOKE = "machine:invoke"
    AGENT_WRITE = "agent:write"
    AGENT_PROPOSE = "agent:propose"
    ADAPTER_WRITE = "adapter:write"
    GRANT_WRITE = "credential-grant:write"
    WORK_ITEM_WRITE = "work-item:write"
    TASK_WRITE = "human-task:write"
    WORKFORCE_WRITE = "workforce:write"
    LOCATION_LIVE = "location:live"
    LOCATION_HISTORY = "location:history"
    LOCATION_WRITE = "location:write"
    MAP_WRITE = "map:write"
    FILE_WRITE = "file:write"


_ADMIN: Final = frozenset({Role.ADMIN})
_OPERATE: Final = frozenset({Role.ADMIN, Role.OPERATOR})
_ALL: Final = frozenset(Role)

MAY: Final[Mapping[Act, frozenset[Role]]] = MappingProxyType(
    {
        Act.READ: _ALL,
        Act.WORKSPACE_WRITE: _ADMIN,
        Act.USER_WRITE: _ADMIN,
        Act.SERVICE_ACCOUNT_READ: _ADMIN,
        Act.SERVICE_ACCOUNT_WRITE: _ADMIN,
        Act.WORKFLOW_WRITE: _OPERATE,
        Act.RUN_START: _OPERATE,
        Act.RUN_CANCEL: _OPERATE,
        Act.RUN_INTERVENE: _OPERATE,
        Act.RUN_ANNOTATE: _ALL,
        Act.APPROVAL_CREATE: _OPERATE,
        Act.APPROVAL_DECIDE: frozenset({Role.ADMIN, Role.APPROVER}),
        Act.EVIDENCE_INGEST: _OPERATE,
        Act.POLICY_WRITE: _ADMIN,
        Act.POLICY_EVALUATE: _OPERATE,
        Act.MACHINE_WRITE: _ADMIN,
        Act.MACHINE_TEST: _OPERATE,
        Act.MACHINE_INVOKE: _OPERATE,
        Act.AGENT_WRITE: _ADMIN,
        Act.AGENT_PROPOSE: _OPERATE,
        Act.ADAPTER_WRITE: _ADMIN,
        Act.GRANT_WRITE: _ADMIN,
        Act.WORK_ITEM_WRITE: _OPERATE,
        Act.TASK_WRITE: _OPERATE,
        Act.WORKFORCE_WRITE: _ADMIN,
        Act.LOCATION_LIVE: frozenset({Role.ADMIN, Role.OPERATOR, Role.APPROVER}),
        Act.LOCATION_HISTORY: frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR}),
        Act.LOCATION_WRITE: _OPERATE,
        Act.MAP_WRITE: _ADMIN,
        Act.FILE_WRITE: _OPERATE,
    }
)
"""Which roles each act needs one of. What isn't here nobody may do."""
