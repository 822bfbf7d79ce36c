"""Work items, human tasks and the workforce, as the protocol shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe, Text, Version
from runyard.services.runs.models.evidence import ExternalObjectRef
from runyard.services.runs.models.shapes import Changes, Name, Part


class WorkItemStatus(StrEnum):
    """Where a piece of business stands."""

    OPEN = "Open"
    IN_PROGRESS = "InProgress"
    BLOCKED = "Blocked"
    RESOLVED = "Resolved"
    CLOSED = "Closed"


class HumanTaskStatus(StrEnum):
    """Where a task for a person stands."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    ESCALATED = "escalated"


class WorkforceCapability(StrEnum):
    """What somebody may be trusted with."""

    DISPATCH = "operations.dispatch"
    APPROVAL = "operations.approval"
    ESCALATION = "operations.escalation"
    SUPERVISION = "robotics.supervision"
    SAFETY_OVERRIDE = "robotics.safety.override"


class AvailabilityStatus(StrEnum):
    """Whether somebody can take work."""

    AVAILABLE = "available"
    BUSY = "busy"
    OFFLINE = "offline"


class RoutingStrategy(StrEnum):
    """How a queue finds somebody for a task."""

    ROUND_ROBIN = "round-robin"
    LEAST_BUSY = "least-busy"
    MANUAL = "manual"


Capabilities: TypeAlias = Annotated[list[WorkforceCapability], Field(min_length=1, max_length=20)]
ExternalRefs: TypeAlias = Annotated[list[ExternalObjectRef], Field(max_length=100)]
Ids: TypeAlias = Annotated[list[Id], Field(max_length=1000)]


# -------------------------------------------------------------------- work items


class WorkItemSla(Part):
    """By when something is to be done."""

    due_at_iso: Maybe[Iso] = None


class WorkItemLinks(Answer):
    """What belongs to a piece of business."""

    external_refs: Maybe[list[ExternalObjectRef]] = None
    run_ids: Maybe[list[Id]] = None
    workflow_ids: Maybe[list[Id]] = None
    approval_ids: Maybe[list[Id]] = None
    evidence_ids: Maybe[list[Id]] = None


class WorkItemV1(Answer):
    """A piece of business that runs, approvals and people work on."""

    schema_version: Version = 1
    work_item_id: Id
    workspace_id: Id
    created_at_iso: Iso
    created_by_user_id: Id
    title: Name
    status: WorkItemStatus
    owner_user_id: Maybe[Id] = None
    sla: Maybe[WorkItemSla] = None
    links: Maybe[WorkItemLinks] = None


class WorkItemListResponse(Listing):
    """A page of work items, oldest first."""

    items: list[WorkItemV1]


class CreateWorkItemRequest(Ask):
    """A new piece of business."""

    title: Name
    owner_user_id: Maybe[Id] = None
    sla: Maybe[WorkItemSla] = None
    external_refs: Maybe[ExternalRefs] = None


class UpdateWorkItemRequest(Changes):
    """What is to change about one."""

    title: Maybe[Name] = None
    status: Maybe[WorkItemStatus] = None
    owner_user_id: Maybe[Id] = None
    sla: Maybe[WorkItemSla] = None
    external_refs: Maybe[ExternalRefs] = None


class WorkItemAssignmentV1(Answer):
    """Who works on it."""

    work_item_id: Id
    owner_user_id: Maybe[Id] = None
    workforce_member_id: Maybe[Id] = None


class PutWorkItemAssignmentRequest(Ask):
    """Who is to work on it; null is nobody."""

    workforce_member_id: Id | None


# -------------------------------------------------------------------- human tasks


class HumanTaskV1(Answer):
    """What a run asks a person to do."""

    schema_version: Version = 1
    human_task_id: Id
    work_item_id: Id
    run_id: Id
    step_id: Id
    assignee_id: Maybe[Id] = None
    group_id: Maybe[Id] = None
    description: str
    required_capabilities: list[WorkforceCapability]
    status: HumanTaskStatus
    due_at: Maybe[Iso] = None
    completed_at: Maybe[Iso] = None
    completed_by_id: Maybe[Id] = None
    evidence_anchor_id: Maybe[Id] = None


class HumanTaskListResponse(Listing):
    """A page of tasks, oldest first."""

    items: list[HumanTaskV1]


class AssignHumanTaskRequest(Ask):
    """Who is to do it: a member, a queue, or a member of a queue."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["workforceMemberId"]}, {"required": ["workforceQueueId"]}]}
    )

    workforce_member_id: Maybe[Id] = None
    workforce_queue_id: Maybe[Id] = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.workforce_member_id is None and self.workforce_queue_id is None:
            raise ValueError("name a workforceMemberId or a workforceQueueId")
        return self


class CompleteHumanTaskRequest(Ask):
    """That it is done."""

    completion_note: Maybe[Text] = None


class EscalateHumanTaskRequest(Ask):
    """That others have to look after it."""

    workforce_queue_id: Id
    reason: Maybe[Text] = None


# -------------------------------------------------------------------- workforce


class WorkforceMemberV1(Answer):
    """Somebody who can be given work."""

    schema_version: Version = 1
    workforce_member_id: Id
    linked_user_id: Id
    display_name: str
    capabilities: Capabilities
    availability_status: AvailabilityStatus
    queue_memberships: list[Id]
    tenant_id: Id
    created_at_iso: Iso
    updated_at_iso: Maybe[Iso] = None


class WorkforceMemberListResponse(Listing):
    """A page of members, who came first before the others."""

    items: list[WorkforceMemberV1]


class CreateWorkforceMemberRequest(Ask):
    """A user who can be given work from now on."""

    linked_user_id: Id
    display_name: Maybe[Name] = None
    capabilities: Capabilities


class UpdateWorkforceMemberRequest(Changes):
    """What is to change about them."""

    display_name: Maybe[Name] = None
    capabilities: Maybe[Capabilities] = None


class PatchWorkforceMemberAvailabilityRequest(Ask):
    """Whether they can take work."""

    availability_status: AvailabilityStatus


class WorkforceQueueV1(Answer):
    """A group of people for tasks of one sort."""

    schema_version: Version = 1
    workforce_queue_id: Id
    name: str
    required_capabilities: Capabilities
    member_ids: list[Id]
    routing_strategy: RoutingStrategy
    tenant_id: Id


class WorkforceQueueListResponse(Listing):
    """A page of queues."""

    items: list[WorkforceQueueV1]


class CreateWorkforceQueueRequest(Ask):
    """A new queue. Its members need all of its capabilities."""

    name: Name
    required_capabilities: Capabilities
    member_ids: Ids = Field(default_factory=list)
    routing_strategy: RoutingStrategy = RoutingStrategy.MANUAL


class UpdateWorkforceQueueRequest(Changes):
    """What is to change about it."""

    name: Maybe[Name] = None
    required_capabilities: Maybe[Capabilities] = None
    member_ids: Maybe[Ids] = None
    routing_strategy: Maybe[RoutingStrategy] = None
