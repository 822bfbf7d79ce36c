"""Policies and what agents want to do, as the protocol shows them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, Tag

from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.base import WHOLE, Answer, Ask, Free, Id, Iso, Listing, Maybe, Text, Version
from runyard.services.runs.models.shapes import Name, Part
from runyard.services.runs.policies.conditions import LONGEST, Condition


class MakerChecker(Part):
    """Who asked for something doesn't approve it."""

    kind: Literal["MakerChecker"]


class DistinctApprovers(Part):
    """So many different people have to approve."""

    kind: Literal["DistinctApprovers"]
    minimum_approvers: Annotated[int, Field(ge=1, le=20), WHOLE]


class IncompatibleDuties(Part):
    """Nobody does more than one of these in one run."""

    kind: Literal["IncompatibleDuties"]
    duty_keys: Annotated[tuple[Name, ...], Field(min_length=2, max_length=50)]


SodConstraintV1: TypeAlias = Annotated[
    Annotated[MakerChecker, Tag("MakerChecker")]
    | Annotated[DistinctApprovers, Tag("DistinctApprovers")]
    | Annotated[IncompatibleDuties, Tag("IncompatibleDuties")],
    Field(discriminator="kind"),
]


def _readable(text: str) -> str:
    Condition.parse(text)
    return text


class PolicyRuleV1(Part):
    """What follows where a condition is true."""

    rule_id: Name
    condition: Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_readable)]
    effect: Literal["Allow", "Deny"]


Constraints: TypeAlias = Annotated[tuple[SodConstraintV1, ...], Field(max_length=50)]
Rules: TypeAlias = Annotated[tuple[PolicyRuleV1, ...], Field(max_length=200)]


class PolicyV1(Answer):
    """A policy."""

    schema_version: Version = 1
    policy_id: Id
    workspace_id: Id
    name: Name
    description: Maybe[str] = None
    active: bool
    priority: int
    version: Annotated[int, Field(ge=1)]
    created_at_iso: Iso
    created_by_user_id: Id
    sod_constraints: Maybe[Constraints] = None
    rules: Maybe[Rules] = None


class PolicyListResponse(Listing):
    """A page of policies."""

    items: list[PolicyV1]


class SavePolicyRequest(Ask):
    """A policy; with the id of one that is there, its next version.

    Attributes:
        version: of the policy as the caller knows it; another one is a conflict.
    """

    schema_version: Version = 1
    policy_id: Maybe[Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,200}$")]] = None
    workspace_id: Maybe[Id] = None
    name: Name
    description: Maybe[Annotated[str, Field(max_length=10_000)]] = None
    active: bool = True
    priority: Annotated[int, Field(ge=-1000, le=1000), WHOLE] = 0
    version: Maybe[Annotated[int, Field(ge=1, le=1_000_000), WHOLE]] = None
    sod_constraints: Constraints = ()
    rules: Rules = ()


class SavedPolicy(Answer):
    """Which policy was saved."""

    policy_id: Id
    version: int


class EvaluatePolicyRequest(Ask):
    """Something that an agent is about to do.

    Attributes:
        action_type: the tool or operation.
        context: facts that conditions may name as ``context.…``.
    """

    action_type: Name
    agent_id: Maybe[Id] = None
    run_id: Maybe[Id] = None
    correlation_id: Maybe[Id] = None
    context: Free = Field(default_factory=dict)


class PolicyDecision(Answer):
    """Whether it may be done."""

    decision: Literal["Allow", "Deny", "HumanApprove"]
    reason: str
    approval_id: Maybe[Id] = None


class ProposeAgentActionRequest(Ask):
    """What an agent wants to do.

    Attributes:
        machine_id: where it would be done; the agent's own machine by default.
    """

    agent_id: Id
    action_kind: Name
    tool_name: Name
    execution_tier: Tier = Tier.AUTO
    policy_ids: Annotated[tuple[Id, ...], Field(max_length=50)] = ()
    rationale: Text
    machine_id: Maybe[Id] = None
    parameters: Free = Field(default_factory=dict)
    idempotency_key: Maybe[Annotated[str, Field(min_length=1, max_length=200)]] = None
    correlation_id: Maybe[Id] = None


class AgentActionProposal(Answer):
    """What came of a proposal."""

    schema_version: Version = 1
    proposal_id: Id
    agent_id: Id
    tool_name: Name
    decision: Literal["Allow", "NeedsApproval"]
    reason: str
    approval_id: Maybe[Id] = None
    run_id: Maybe[Id] = None
    plan_id: Maybe[Id] = None


class ExecuteAgentActionRequest(Ask):
    """An approved action is to be done now.

    Attributes:
        flow_ref: what the caller calls this execution.
        payload: what is to be done, as it was approved; something else is refused.
    """

    flow_ref: Name
    payload: Maybe[Free] = None


class AgentActionExecution(Answer):
    """How an approved action goes."""

    execution_id: Id
    approval_id: Id
    status: Literal["Executing", "Executed", "Failed"]
    output: Maybe[Free] = None
    error_message: Maybe[str] = None
