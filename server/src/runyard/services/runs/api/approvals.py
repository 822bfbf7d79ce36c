"""Approvals over HTTP. All the ways to decide lead into the one function that does."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from runyard.database import Connection
from runyard.identity.checks import as_uuid
from runyard.services.runs import approvals
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.workflows import find_decider
from runyard.services.runs.engine import rows, steering
from runyard.services.runs.engine.model import Approval
from runyard.services.runs.ledger import Book
from runyard.services.runs.listing import page_of_approvals
from runyard.services.runs.models.approvals import (
    ApprovalListResponse,
    ApprovalStatus,
    ApprovalV1,
    CreateApprovalRequest,
    DecideApprovalRequest,
    UpdateApprovalRequest,
)
from runyard.services.runs.models.base import Id, iso
from runyard.services.runs.refused import conflict, invalid, not_found
from runyard.services.runs.words import Act

routes: APIRouter = router("Approvals")
ApprovalId = Annotated[str, Path(alias="approvalId", min_length=1)]


@routes.get("/approvals", operation_id="listApprovals", response_model=ApprovalListResponse)
async def list_approvals(
    visit: Entered,
    page: Paged,
    *,
    status: Annotated[ApprovalStatus | None, Query()] = None,
    run: Annotated[Id | None, Query(alias="runId")] = None,
    plan: Annotated[Id | None, Query(alias="planId")] = None,
    work_item: Annotated[Id | None, Query(alias="workItemId")] = None,
    assignee: Annotated[Id | None, Query(alias="assigneeUserId")] = None,
    requester: Annotated[Id | None, Query(alias="requestedByUserId")] = None,
) -> Response:
    """The workspace's approvals, those that were asked for first before the others."""
    visit.caller.require(Act.READ)
    filters: dict[str, object] = {"status": status, "run": run, "plan": plan, "work_item": work_item}
    for field, column, given in (
        ("assigneeUserId", "assignee", assignee),
        ("requestedByUserId", "requested_by", requester),
    ):
        filters[column] = None if given is None else as_uuid(given)
        if given is not None and filters[column] is None:
            raise invalid(field, f"{given!r:.100} is no user's id")
    found = await page_of_approvals(
        visit.room.yard.database, visit.caller.workspace, filters, after=page.after, rows=page.rows
    )
    kept, cursor = page.cut(found, lambda one: Place(one.requested_at, one.id))
    listing = ApprovalListResponse(items=[ApprovalV1.of(one) for one in kept], next_cursor=cursor, cursor=cursor)
    return await look(visit, listing, etag=False)


@routes.post(
    "/approvals", operation_id="createApproval", status_code=201, response_model=ApprovalV1,
    openapi_extra=asks(CreateApprovalRequest),
)  # fmt: skip
async def create(visit: Entered) -> Response:
    """Ask for one more agreement to a plan. What of the run hasn't begun waits for it."""
    visit.caller.require(Act.APPROVAL_CREATE)
    asked = await visit.body(CreateApprovalRequest)

    async def work(connection: Connection, book: Book) -> ApprovalV1:
        new = await _asked_for(visit, connection, book, asked)
        if asked.assignee_user_id is not None:
            to = await find_decider(visit, connection, "assigneeUserId", asked.assignee_user_id)
            await approvals.require_able(connection, new, to)
            new = replace(new, assignee=to.user_id, asked=(to.user_id,))
        await approvals.ask(connection, book, new, actor=visit.caller.actor)
        await visit.room.engine.wake(connection, new.run)
        return ApprovalV1.of(new)

    return await command(
        visit, "CreateApproval", asked, work, status=201, location=lambda made: f"approvals/{made.approval_id}"
    )


@routes.get("/approvals/{approvalId}", operation_id="getApproval", response_model=ApprovalV1)
async def get(visit: Entered, approval_id: ApprovalId) -> Response:
    """An approval, with those who have approved so far."""
    visit.caller.require(Act.READ)
    return await look(visit, await _shown(visit, visit.room.yard.database, approval_id))


@routes.patch(
    "/approvals/{approvalId}", operation_id="updateApproval", response_model=ApprovalV1,
    openapi_extra=asks(UpdateApprovalRequest),
)  # fmt: skip
async def update(visit: Entered, approval_id: ApprovalId) -> Response:
    """Ask somebody else to decide."""
    visit.caller.require(Act.APPROVAL_CREATE)
    asked = await visit.body(UpdateApprovalRequest)

    async def work(connection: Connection, book: Book) -> ApprovalV1:
        shown = await _shown(visit, connection, approval_id)
        visit.match(shown)
        to = await find_decider(visit, connection, "assigneeUserId", asked.assignee_user_id)
        changed = await approvals.reassign(connection, book, visit.caller, approval_id, to=to)
        return ApprovalV1.of(changed, shown.approved_by_user_ids)

    return await command(visit, "UpdateApproval", asked, work)


@routes.post(
    "/approvals/{approvalId}/decide", operation_id="decideApproval", response_model=ApprovalV1,
    openapi_extra=asks(DecideApprovalRequest),
)  # fmt: skip
@routes.post("/approvals/{approvalId}/decision", include_in_schema=False)
@routes.post("/approvals/{approvalId}/decisions", include_in_schema=False)
async def decide(visit: Entered, approval_id: ApprovalId) -> Response:
    """Decide. Whoever started the run, or asked for the approval, can't."""
    visit.caller.require(Act.APPROVAL_DECIDE)
    asked = await visit.body(DecideApprovalRequest)

    async def work(connection: Connection, book: Book) -> ApprovalV1:
        decided = await approvals.decide(
            connection, book, visit.caller, approval_id, decision=asked.decision.value, rationale=asked.why,
            plan_hash=asked.plan_hash, wake=visit.room.engine.wake,
        )  # fmt: skip
        return ApprovalV1.of(decided, [str(user) for user in await rows.votes(connection, decided.id)])

    return await command(visit, "SubmitApproval", asked, work)


async def _shown(visit: Visit, where: rows.Where, approval_id: str) -> ApprovalV1:
    found = await rows.approval(where, visit.caller.workspace, approval_id)
    if found is None:
        raise not_found("Approval", approval_id)
    return ApprovalV1.of(found, [str(user) for user in await rows.votes(where, approval_id)])


async def _asked_for(visit: Visit, connection: Connection, book: Book, asked: CreateApprovalRequest) -> Approval:
    """The approval that somebody asks for.

    Raises:
        Refused: there is no such run or plan, or it is over.
    """
    workspace = visit.caller.workspace
    run = await steering.find(connection, workspace, asked.run_id)
    plan = await rows.plan(connection, workspace, asked.plan_id)
    if plan is None or plan["run"] != run.id:
        raise not_found("Plan", asked.plan_id)
    if run.status.ended:
        raise conflict(f"Run {run.id!r} has ended: {run.status}.", runStatus=run.status)
    if plan["body"]["revision"] != run.revision:
        raise conflict(f"Plan {asked.plan_id!r} is not run {run.id!r}'s any more: it was made anew since.")
    if asked.due_at_iso is not None and asked.due_at_iso <= book.now:
        raise invalid("dueAtIso", f"{iso(asked.due_at_iso)} is past; it is {iso(book.now)}")
    return Approval(
        workspace=workspace, id=approvals.new_id(), run=run.id, plan=asked.plan_id, action=plan["action"],
        work_item=asked.work_item_id, prompt=asked.prompt, plan_hash=plan["hash"],
        requested_by=visit.caller.user, requested_at=book.now, due_at=asked.due_at_iso,
        correlation_id=visit.caller.correlation_id,
    )  # fmt: skip
