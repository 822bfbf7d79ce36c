"""Work items over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.members import user_named
from runyard.services.runs.api.paging import Place
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Id
from runyard.services.runs.models.people import (
    CreateWorkItemRequest,
    PutWorkItemAssignmentRequest,
    UpdateWorkItemRequest,
    WorkItemAssignmentV1,
    WorkItemListResponse,
    WorkItemStatus,
    WorkItemV1,
)
from runyard.services.runs.people import work_items, workforce
from runyard.services.runs.people.work_items import WorkItem
from runyard.services.runs.refused import Refused, invalid
from runyard.services.runs.words import Act

routes: APIRouter = router("WorkItems")
ItemId = Annotated[str, Path(alias="workItemId", min_length=1)]


@routes.get("/work-items", operation_id="listWorkItems", response_model=WorkItemListResponse)
async def list_items(
    visit: Entered,
    page: Paged,
    *,
    status: WorkItemStatus | None = None,
    owner: Annotated[Id | None, Query(alias="ownerUserId")] = None,
    run: Annotated[Id | None, Query(alias="runId")] = None,
    workflow: Annotated[Id | None, Query(alias="workflowId")] = None,
    approval: Annotated[Id | None, Query(alias="approvalId")] = None,
    evidence: Annotated[Id | None, Query(alias="evidenceId")] = None,
) -> Response:
    """The workspace's work items."""
    visit.caller.require(Act.READ)
    where = {
        "status": status, "owner": owner, "run": run, "workflow": workflow, "approval": approval, "evidence": evidence
    }  # fmt: skip
    found = await work_items.page(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows, where=where
    )
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    return await look(visit, WorkItemListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/work-items",
    operation_id="createWorkItem",
    status_code=201,
    response_model=WorkItemV1,
    openapi_extra=asks(CreateWorkItemRequest),
)
async def create(visit: Entered) -> Response:
    """Open a work item."""
    visit.caller.require(Act.WORK_ITEM_WRITE)
    asked = await visit.body(CreateWorkItemRequest)
    owner = None if asked.owner_user_id is None else await user_named(visit, "ownerUserId", asked.owner_user_id)

    async def work(connection: Connection, book: Book) -> WorkItemV1:
        item = await work_items.add(
            connection, visit.caller.workspace, title=asked.title, by=visit.caller.user_id, now=book.now, owner=owner,
            due_at=None if asked.sla is None else asked.sla.due_at_iso,
            external_refs=[one.model_dump(mode="json", by_alias=True, exclude_none=True)
                           for one in asked.external_refs or ()],
        )  # fmt: skip
        _tell(visit, book, item, "WorkItemCreated", f"Work item {item.id} was opened.")
        await book.close()  # what is shown says which evidence there is
        return (await work_items.find(connection, item.workspace, item.id)).shown()

    return await command(
        visit, "CreateWorkItem", asked, work, status=201, location=lambda made: f"work-items/{made.work_item_id}"
    )


@routes.get("/work-items/{workItemId}", operation_id="getWorkItem", response_model=WorkItemV1)
async def get(visit: Entered, item_id: ItemId) -> Response:
    """A work item with what belongs to it."""
    visit.caller.require(Act.READ)
    return await look(visit, (await _find(visit, item_id)).shown())


@routes.patch(
    "/work-items/{workItemId}",
    operation_id="updateWorkItem",
    response_model=WorkItemV1,
    openapi_extra=asks(UpdateWorkItemRequest),
)
async def update(visit: Entered, item_id: ItemId) -> Response:
    """Change what is given."""
    visit.caller.require(Act.WORK_ITEM_WRITE)
    asked = await visit.body(UpdateWorkItemRequest)
    changes: dict[str, object] = {
        name: getattr(asked, name) for name in ("title", "status") if name in asked.model_fields_set
    }
    if asked.owner_user_id is not None:
        changes["owner"] = await user_named(visit, "ownerUserId", asked.owner_user_id)
    if asked.sla is not None:
        changes["due_at"] = asked.sla.due_at_iso
    if asked.external_refs is not None:
        changes["external_refs"] = [
            one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in asked.external_refs
        ]

    async def work(connection: Connection, book: Book) -> WorkItemV1:
        item = await work_items.find(connection, visit.caller.workspace, item_id)
        visit.match(item.shown())
        item = await work_items.change(connection, item, changes)
        named = ", ".join(sorted(asked.model_fields_set))
        _tell(visit, book, item, "WorkItemUpdated", f"Work item {item.id} changed: {named}.")
        await book.close()
        return (await work_items.find(connection, item.workspace, item.id)).shown()

    return await command(visit, "UpdateWorkItem", asked, work)


@routes.get(
    "/work-items/{workItemId}/assignment", operation_id="getWorkItemAssignment", response_model=WorkItemAssignmentV1
)
async def get_assignment(visit: Entered, item_id: ItemId) -> Response:
    """Who works on it."""
    visit.caller.require(Act.READ)
    return await look(visit, (await _find(visit, item_id)).assignment())


@routes.put(
    "/work-items/{workItemId}/assignment",
    operation_id="putWorkItemAssignment",
    response_model=WorkItemAssignmentV1,
    openapi_extra=asks(PutWorkItemAssignmentRequest),
)
async def put_assignment(visit: Entered, item_id: ItemId) -> Response:
    """Give it to a member of the workforce, whose user owns it then; or, with null, to nobody."""
    visit.caller.require(Act.WORK_ITEM_WRITE)
    asked = await visit.body(PutWorkItemAssignmentRequest)

    async def work(connection: Connection, book: Book) -> WorkItemAssignmentV1:
        item = await work_items.find(connection, visit.caller.workspace, item_id)
        visit.match(item.assignment())
        owner = None
        if asked.workforce_member_id is not None:
            try:
                owner = (await workforce.member(connection, item.workspace, asked.workforce_member_id)).user_id
            except Refused as error:
                raise invalid("workforceMemberId", error.detail) from None
        item = await work_items.change(connection, item, {"owner": owner, "member": asked.workforce_member_id})
        whom = "to nobody" if item.member is None else f"to {item.member}"
        _tell(visit, book, item, "WorkItemAssigned", f"Work item {item.id} was assigned {whom}.")
        return item.assignment()

    return await command(visit, "PutWorkItemAssignment", asked, work)


async def _find(visit: Visit, item_id: str) -> WorkItem:
    return await work_items.find(visit.room.yard.database, visit.caller.workspace, item_id)


def _tell(visit: Visit, book: Book, item: WorkItem, name: str, summary: str) -> None:
    caller = visit.caller
    book.record("Action", summary, actor=caller.actor, correlation_id=caller.correlation_id, work_item_id=item.id)
    data = {"workItemId": item.id, "status": item.status}
    book.tell("workitem", name, subject=f"work-items/{item.id}", data=data, correlation_id=caller.correlation_id)
