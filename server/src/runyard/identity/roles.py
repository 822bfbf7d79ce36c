"""What members of a workspace are there for. What each of these may do is the service's word."""

from __future__ import annotations

from enum import StrEnum


class WorkspaceRole(StrEnum):
    """A part that somebody has in a workspace."""

    ADMIN = "admin"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"
