"""Workflows over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response

from runyard.database import Connection
from runyard.identity.checks import as_uuid
from runyard.identity.members import Member
from runyard.services.runs import approvals, workflows
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.engine.spec import Spec
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.workflows import (
    CreateWorkflowRequest,
    UpdateWorkflowRequest,
    WorkflowListResponse,
    WorkflowV1,
)
from runyard.services.runs.policies.store import named
from runyard.services.runs.refused import Refused, invalid
from runyard.services.runs.words import MAY, Act

routes: APIRouter = router("Workflows")
WorkflowId = Annotated[str, Path(alias="workflowId", min_length=1)]


@routes.get("/workflows", operation_id="listWorkflows", response_model=WorkflowListResponse)
async def list_workflows(visit: Entered, page: Paged) -> Response:
    """The workspace's workflows, each in its newest version."""
    visit.caller.require(Act.READ)
    found = await workflows.page(visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows)
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    listing = WorkflowListResponse(items=[WorkflowV1.of(one) for one in kept], next_cursor=cursor, cursor=cursor)
    return await look(visit, listing, etag=False)


@routes.post(
    "/workflows", operation_id="createWorkflow", status_code=201, response_model=WorkflowV1,
    openapi_extra=asks(CreateWorkflowRequest),
)  # fmt: skip
async def create(visit: Entered) -> Response:
    """Make a workflow. Its id comes of its name."""
    visit.caller.require(Act.WORKFLOW_WRITE)
    asked = await visit.body(CreateWorkflowRequest)
    spec = asked.spec()

    async def work(connection: Connection, book: Book) -> WorkflowV1:
        await _check(visit, connection, spec)
        kept = await workflows.add(
            connection, visit.caller.workspace, name=asked.name, description=asked.description, spec=spec,
            by=visit.caller.user, now=book.now,
        )  # fmt: skip
        _told(visit, book, kept, "WorkflowCreated", f"Workflow {kept.id} made.")
        return WorkflowV1.of(kept)

    return await command(
        visit, "CreateWorkflow", asked, work, status=201, location=lambda made: f"workflows/{made.workflow_id}"
    )


@routes.get("/workflows/{workflowId}", operation_id="getWorkflow", response_model=WorkflowV1)
async def get(visit: Entered, workflow_id: WorkflowId) -> Response:
    """A workflow in its newest version."""
    visit.caller.require(Act.READ)
    found = await workflows.find(visit.room.yard.database, visit.caller.workspace, workflow_id)
    return await look(visit, WorkflowV1.of(found))


@routes.patch(
    "/workflows/{workflowId}", operation_id="updateWorkflow", response_model=WorkflowV1,
    openapi_extra=asks(UpdateWorkflowRequest),
)  # fmt: skip
async def update(visit: Entered, workflow_id: WorkflowId) -> Response:
    """Change a workflow. Runs that have begun go on with the version they began with."""
    visit.caller.require(Act.WORKFLOW_WRITE)
    asked = await visit.body(UpdateWorkflowRequest)

    async def work(connection: Connection, book: Book) -> WorkflowV1:
        found = await workflows.find(connection, visit.caller.workspace, workflow_id)
        visit.match(WorkflowV1.of(found))
        spec = asked.spec(found.spec)
        if spec != found.spec:
            await _check(visit, connection, spec)
        kept = await workflows.change(
            connection, found, changes=asked.others(), spec=spec, by=visit.caller.user, now=book.now
        )
        _told(visit, book, kept, "WorkflowUpdated", f"Workflow {kept.id} changed; it is at version {kept.version}.")
        return WorkflowV1.of(kept)

    return await command(visit, "UpdateWorkflow", asked, work)


@routes.delete("/workflows/{workflowId}", operation_id="archiveWorkflow", status_code=204)
async def archive(visit: Entered, workflow_id: WorkflowId) -> Response:
    """Put a workflow away. Runs that have begun go on."""
    visit.caller.require(Act.WORKFLOW_WRITE)

    async def work(connection: Connection, book: Book) -> WorkflowV1:
        found = await workflows.find(connection, visit.caller.workspace, workflow_id)
        visit.match(WorkflowV1.of(found))
        await workflows.archive(connection, found, now=book.now)
        _told(visit, book, found, "WorkflowArchived", f"Workflow {found.id} archived.")
        return WorkflowV1.of(found)

    return await command(visit, "ArchiveWorkflow", None, work, status=204)


async def _check(visit: Visit, connection: Connection, spec: Spec) -> None:
    """Return if the workflow can be run as it is written.

    Raises:
        Refused: something is wrong with it.
    """
    workflows.check(spec, visit.room.engine.catalogue)
    try:
        await named(connection, visit.caller.workspace, spec.policy_ids)
    except Refused as refused:
        raise invalid("policyIds", refused.detail) from None
    for field, person, roles in _people(spec):
        approvals.require_role(field, await find_decider(visit, connection, field, person), roles)


def _people(spec: Spec) -> Iterator[tuple[str, str, Sequence[str]]]:
    """The users whom a workflow names: where, who, and the roles of which they need one."""
    rules = [("approval", spec.approval)]
    rules += [(f"actions.{place}.approval", one.approval) for place, one in enumerate(spec.actions)]
    for field, rule in rules:
        if rule is not None:
            yield from ((f"{field}.escalateTo", person, rule.roles) for person in rule.escalate_to)
            if rule.assignee_user_id is not None:
                yield f"{field}.assigneeUserId", rule.assignee_user_id, rule.roles


async def find_decider(visit: Visit, connection: Connection, field: str, person: str) -> Member:
    """Somebody of the workspace who may decide approvals.

    Raises:
        Refused: there is nobody of this id, or they may not.
    """
    user = as_uuid(person)
    members = visit.room.yard.identity.members
    member = None if user is None else await members.member_now(connection, visit.caller.workspace, user)
    if user is None or member is None:
        raise invalid(field, f"there is no user {person!r:.100} in this workspace")
    if not member.active or member.kind != "user" or member.roles.isdisjoint(MAY[Act.APPROVAL_DECIDE]):
        raise invalid(field, f"user {person!r:.100} may not decide approvals here")
    return member


def _told(visit: Visit, book: Book, kept: workflows.Workflow, event: str, summary: str) -> None:
    correlation = visit.caller.correlation_id
    book.record("System", summary, actor=visit.caller.actor, correlation_id=correlation)
    data = {"workflowId": kept.id, "version": kept.version, "active": kept.active}
    book.tell("workflow", event, subject=f"workflows/{kept.id}", data=data, correlation_id=correlation)
