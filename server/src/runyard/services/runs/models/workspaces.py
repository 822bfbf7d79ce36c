"""Workspaces on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runyard.identity.workspaces import Workspace as Kept
from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe
from runyard.services.runs.models.shapes import Name


class Workspace(Answer):
    """A place for governed work."""

    workspace_id: Id
    name: Name
    created_at_iso: Iso

    @classmethod
    def of(cls, kept: Kept) -> Workspace:
        """The workspace as it is kept."""
        return cls(workspace_id=kept.id, name=kept.name, created_at_iso=kept.created_at)


class WorkspaceListResponse(Listing):
    """Workspaces that the caller takes part in."""

    items: list[Workspace]


class CreateWorkspaceRequest(Ask):
    """A new workspace. Without an id it gets one that is made of its name."""

    name: Name
    workspace_id: Maybe[Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]] = None


class UpdateWorkspaceRequest(Ask):
    """Another name."""

    name: Name
