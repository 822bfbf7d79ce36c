"""Approvals as the protocol shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from runyard.services.runs.engine.model import Approval
from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe, Text, Version
from runyard.services.runs.models.plans import Sha256
from runyard.services.runs.words import Role


class ApprovalStatus(StrEnum):
    """Where an approval is."""

    PENDING = "Pending"
    APPROVED = "Approved"
    DENIED = "Denied"
    REQUEST_CHANGES = "RequestChanges"


class ApprovalDecision(StrEnum):
    """What somebody decides."""

    APPROVED = "Approved"
    DENIED = "Denied"
    REQUEST_CHANGES = "RequestChanges"


class ApprovalV1(Answer):
    """Somebody's agreement that a run waits for. What follows ``rationale`` is Runyard's own."""

    schema_version: Version = 1
    approval_id: Id
    workspace_id: Id
    run_id: Id
    plan_id: Id
    work_item_id: Maybe[Id] = None
    prompt: Text
    status: ApprovalStatus
    requested_at_iso: Iso
    requested_by_user_id: Id
    assignee_user_id: Maybe[Id] = None
    due_at_iso: Maybe[Iso] = None
    decided_at_iso: Maybe[Iso] = None
    decided_by_user_id: Maybe[Id] = None
    rationale: Maybe[str] = None
    id: Maybe[Id] = None
    action_id: Maybe[Id] = None
    plan_hash: Maybe[Sha256] = None
    quorum: Maybe[int] = None
    roles: Maybe[list[Role]] = None
    approved_by_user_ids: Maybe[list[Id]] = None
    void: Maybe[bool] = None

    @classmethod
    def of(cls, kept: Approval, votes: list[str] | None = None) -> ApprovalV1:
        """The approval as it is kept, with those who have approved so far if they are given."""
        return cls(
            approval_id=kept.id,
            workspace_id=kept.workspace,
            run_id=kept.run,
            plan_id=kept.plan,
            work_item_id=kept.work_item,
            prompt=kept.prompt,
            status=ApprovalStatus(kept.status),
            requested_at_iso=kept.requested_at,
            requested_by_user_id=str(kept.requested_by),
            assignee_user_id=None if kept.assignee is None else str(kept.assignee),
            due_at_iso=kept.due_at,
            decided_at_iso=kept.decided_at,
            decided_by_user_id=None if kept.decided_by is None else str(kept.decided_by),
            rationale=kept.rationale,
            id=kept.id,
            action_id=kept.action,
            plan_hash=kept.plan_hash,
            quorum=kept.quorum,
            roles=[Role(role) for role in kept.roles] or None,
            approved_by_user_ids=votes or None,
            void=kept.void or None,
        )


class ApprovalListResponse(Listing):
    """A page of approvals."""

    items: list[ApprovalV1]


class CreateApprovalRequest(Ask):
    """Ask for one more agreement to a plan: the run waits for it as well."""

    run_id: Id
    plan_id: Id
    prompt: Text
    work_item_id: Maybe[Id] = None
    assignee_user_id: Maybe[Id] = None
    due_at_iso: Maybe[Iso] = None


class UpdateApprovalRequest(Ask):
    """Ask somebody else."""

    assignee_user_id: Id


class DecideApprovalRequest(Ask):
    """A decision. ``reason`` is another name of ``rationale``; ``planHash`` is that of the plan that was looked at."""

    model_config = ConfigDict(json_schema_extra={"required": ["decision", "rationale"]})

    decision: ApprovalDecision
    rationale: Maybe[Text] = None
    reason: Maybe[Text] = None
    plan_hash: Maybe[Annotated[str, Field(min_length=1, max_length=200)]] = None

    @model_validator(mode="after")
    def _a_reason(self) -> Self:
        if self.rationale is None and self.reason is None:
            raise ValueError("rationale: say why")
        if self.rationale is not None and self.reason is not None and self.rationale != self.reason:
            raise ValueError("rationale and reason mean the same, and differ here; give one")
        return self

    @property
    def why(self) -> str:
        """The rationale, whatever it was called."""
        return self.rationale or self.reason or ""
