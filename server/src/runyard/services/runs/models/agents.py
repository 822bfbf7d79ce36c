"""Agents: programs that decide for themselves what they want to do, as the protocol shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe, Version
from runyard.services.runs.models.machines import Allowed, Location, MachineStatus, Metrics
from runyard.services.runs.models.people import WorkItemV1
from runyard.services.runs.models.shapes import Changes, Endpoint, Name

Tools = Annotated[tuple[Name, ...], Field(max_length=500)]


class AgentV1(Answer):
    """An agent. Fields from ``id`` on are additions of this yard."""

    schema_version: Version = 1
    agent_id: Id
    workspace_id: Id
    name: Name
    model_id: Maybe[Name] = None
    endpoint: Endpoint
    allowed_capabilities: Allowed
    used_by_workflow_ids: Maybe[list[Id]] = None
    id: Id
    machine_id: Maybe[Id] = None
    allowed_tools: Maybe[Tools] = None
    policy_tier: Tier
    status: MachineStatus
    quarantine_reason: Maybe[str] = None
    last_heartbeat_at_iso: Maybe[Iso] = None
    status_message: Maybe[str] = None


class AgentListResponse(Listing):
    """A page of agents."""

    items: list[AgentV1]


class RegisterAgentRequest(Ask):
    """A new agent.

    Attributes:
        machine_id: where it lives; what it may do is then part of what the machine may.
        allowed_tools: all it may use; without, all that its tier lets it.
        policy_tier: how much it may do without asking: what takes a stricter tier is not for this agent.
    """

    name: Name
    endpoint: Endpoint
    model_id: Maybe[Name] = None
    allowed_capabilities: Allowed = ()
    workspace_id: Maybe[Id] = None
    machine_id: Maybe[Id] = None
    allowed_tools: Maybe[Tools] = None
    policy_tier: Tier = Tier.HUMAN_APPROVE


class UpdateAgentRequest(Changes):
    """Changes to an agent. Saying what it may do takes it out of quarantine: somebody has looked."""

    name: Maybe[Name] = None
    endpoint: Maybe[Endpoint] = None
    allowed_capabilities: Maybe[Allowed] = None
    model_id: Maybe[Name] = None
    allowed_tools: Maybe[Tools] = None
    policy_tier: Maybe[Tier] = None


class AgentHeartbeat(Answer):
    """A sign of life, as it was heard."""

    agent_id: Id
    last_heartbeat_at_iso: Iso
    status: Literal["ok", "degraded"]
    metrics: Maybe[Metrics] = None
    location: Maybe[Location] = None
    status_message: Maybe[str] = None
    next_heartbeat_seconds: int


class AgentWorkItems(Listing):
    """A page of the business of an agent."""

    agent_id: Id
    items: list[WorkItemV1]
