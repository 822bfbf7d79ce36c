"""Workflows as the protocol shows them, with what Runyard's actions say beyond it: inputs, order, tries, approvers."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from pydantic import Field

from runyard.services.runs.engine.spec import Action, Approval, Spec
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.base import WHOLE, Answer, Ask, Free, Id, Listing, Maybe, Version
from runyard.services.runs.models.shapes import Changes, Name, Operation, Part, PortFamily
from runyard.services.runs.workflows import Workflow

MOST_ACTIONS: Final = 100
ExecutionTier: TypeAlias = Tier
Description: TypeAlias = Annotated[str, Field(max_length=10_000)]
"""It may be empty: that takes one away."""

Decider: TypeAlias = Literal["admin", "approver"]
"""Who may decide at all."""

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=366 * 24 * 3600)]


class RetryPolicy(Part):
    """How often an action is tried. The pause doubles each time, up to half a minute."""

    max_attempts: Annotated[int, Field(ge=1, le=10), WHOLE]
    backoff_seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0


class ApprovalRule(Part):
    """Who has to agree, and by when. Whoever starts a run never approves it."""

    quorum: Annotated[int, Field(ge=1, le=20), WHOLE] = 1
    roles: Annotated[tuple[Decider, ...], Field(max_length=4)] = ()
    due_seconds: Maybe[Seconds] = None
    escalate_to: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    escalate_after_seconds: Maybe[Seconds] = None
    assignee_user_id: Maybe[Id] = None


class WorkflowActionV1(Part):
    """One thing that a workflow does."""

    action_id: Id
    order: Annotated[int, Field(ge=1, le=MOST_ACTIONS), WHOLE]
    port_family: PortFamily
    operation: Operation
    execution_tier_override: Maybe[ExecutionTier] = None
    input: Maybe[Free] = None
    depends_on: Maybe[Annotated[tuple[Id, ...], Field(max_length=MOST_ACTIONS)]] = None
    timeout_seconds: Maybe[Seconds] = None
    retry: Maybe[RetryPolicy] = None
    approval: Maybe[ApprovalRule] = None

    @classmethod
    def of(cls, action: Action) -> WorkflowActionV1:
        """An action as it is shown."""
        plain = msgspec.to_builtins(action)
        return cls.model_validate(without_absent(plain), strict=False)


Actions: TypeAlias = Annotated[list[WorkflowActionV1], Field(min_length=1, max_length=MOST_ACTIONS)]
Policies: TypeAlias = Annotated[tuple[Id, ...], Field(max_length=50)]


class WorkflowV1(Answer):
    """A workflow in its newest version."""

    schema_version: Version = 1
    workflow_id: Id
    workspace_id: Id
    name: Name
    description: Maybe[str] = None
    version: Annotated[int, Field(ge=1)]
    active: bool
    execution_tier: ExecutionTier
    actions: Actions
    id: Maybe[Id] = None
    approval: Maybe[ApprovalRule] = None
    timeout_seconds: Maybe[Seconds] = None
    policy_ids: Maybe[Policies] = None

    @classmethod
    def of(cls, kept: Workflow) -> WorkflowV1:
        """The workflow as it is kept."""
        spec = kept.spec
        return cls(
            workflow_id=kept.id,
            workspace_id=kept.workspace,
            name=kept.name,
            description=kept.description,
            version=kept.version,
            active=kept.active,
            execution_tier=spec.execution_tier,
            actions=[WorkflowActionV1.of(one) for one in spec.actions],
            id=kept.id,
            approval=None if spec.approval is None else _rule(spec.approval),
            timeout_seconds=spec.timeout_seconds,
            policy_ids=spec.policy_ids or None,
        )


class WorkflowListResponse(Listing):
    """A page of workflows."""

    items: list[WorkflowV1]


class CreateWorkflowRequest(Ask):
    """A new workflow. Its actions follow each other unless one of them says what it depends on."""

    name: Name
    execution_tier: ExecutionTier
    actions: Actions
    description: Maybe[Description] = None
    approval: Maybe[ApprovalRule] = None
    timeout_seconds: Maybe[Seconds] = None
    policy_ids: Maybe[Policies] = None

    def spec(self) -> Spec:
        """What it says."""
        return spec_of(self)


class UpdateWorkflowRequest(Changes):
    """Changes to a workflow, at least one. Other actions, tiers or rules make a new version; runs keep theirs."""

    name: Maybe[Name] = None
    description: Maybe[Description] = None
    execution_tier: Maybe[ExecutionTier] = None
    active: Maybe[bool] = None
    actions: Maybe[Actions] = None
    approval: Maybe[ApprovalRule] = None
    timeout_seconds: Maybe[Seconds] = None
    policy_ids: Maybe[Policies] = None

    def spec(self, before: Spec) -> Spec:
        """What the workflow says then."""
        return msgspec.convert({**msgspec.to_builtins(before), **_plain(self)}, Spec)

    def others(self) -> dict[str, object]:
        """What changes besides that."""
        return {name: getattr(self, name) for name in self.model_fields_set & {"name", "description", "active"}}


def spec_of(asked: Ask) -> Spec:
    """What a request's fields say of how a workflow runs."""
    return msgspec.convert(_plain(asked), Spec)


def _plain(asked: Ask) -> dict[str, object]:
    return asked.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json")


def _rule(kept: Approval) -> ApprovalRule:
    return ApprovalRule.model_validate(without_absent(msgspec.to_builtins(kept)), strict=False)


def without_absent(value: object) -> object:
    """Plain data of a record without the fields that are None; inputs, which are the user's own, stay as they are."""
    if not isinstance(value, dict):
        return value
    return {
        name: inner if name == "input" else without_absent(inner) for name, inner in value.items() if inner is not None
    }
