"""The workforce and its queues over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.members import user_named
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Id
from runyard.services.runs.models.people import (
    AvailabilityStatus,
    CreateWorkforceMemberRequest,
    CreateWorkforceQueueRequest,
    PatchWorkforceMemberAvailabilityRequest,
    UpdateWorkforceMemberRequest,
    UpdateWorkforceQueueRequest,
    WorkforceCapability,
    WorkforceMemberListResponse,
    WorkforceMemberV1,
    WorkforceQueueListResponse,
    WorkforceQueueV1,
)
from runyard.services.runs.people import workforce
from runyard.services.runs.words import Act

routes: APIRouter = router("Workforce")
MemberId = Annotated[str, Path(alias="workforceMemberId", min_length=1)]
QueueId = Annotated[str, Path(alias="workforceQueueId", min_length=1)]


# -------------------------------------------------------------------- queues, whose paths come before members' ids


@routes.get("/workforce/queues", operation_id="listWorkforceQueues", response_model=WorkforceQueueListResponse)
async def list_queues(visit: Entered, page: Paged, *, capability: WorkforceCapability | None = None) -> Response:
    """The queues."""
    visit.caller.require(Act.READ)
    found = await workforce.queues(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows, capability=capability
    )
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    return await look(visit, WorkforceQueueListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/workforce/queues",
    operation_id="createWorkforceQueue",
    status_code=201,
    response_model=WorkforceQueueV1,
    openapi_extra=asks(CreateWorkforceQueueRequest),
)
async def create_queue(visit: Entered) -> Response:
    """Make a queue."""
    visit.caller.require(Act.WORKFORCE_WRITE)
    asked = await visit.body(CreateWorkforceQueueRequest)

    async def work(connection: Connection, book: Book) -> WorkforceQueueV1:
        queue = await workforce.add_queue(
            connection, visit.caller.workspace, name=asked.name, capabilities=asked.required_capabilities,
            strategy=asked.routing_strategy, member_ids=asked.member_ids, now=book.now,
        )  # fmt: skip
        _tell(visit, book, "WorkforceQueueCreated", f"Workforce queue {queue.id} was made.", queue=queue.id)
        return queue.shown()

    return await command(
        visit, "CreateWorkforceQueue", asked, work, status=201,
        location=lambda made: f"workforce/queues/{made.workforce_queue_id}",
    )  # fmt: skip


@routes.get("/workforce/queues/{workforceQueueId}", operation_id="getWorkforceQueue", response_model=WorkforceQueueV1)
async def get_queue(visit: Entered, queue_id: QueueId) -> Response:
    """A queue."""
    visit.caller.require(Act.READ)
    return await look(
        visit, (await workforce.queue(visit.room.yard.database, visit.caller.workspace, queue_id)).shown()
    )


@routes.patch(
    "/workforce/queues/{workforceQueueId}",
    operation_id="updateWorkforceQueue",
    response_model=WorkforceQueueV1,
    openapi_extra=asks(UpdateWorkforceQueueRequest),
)
async def update_queue(visit: Entered, queue_id: QueueId) -> Response:
    """Change what is given."""
    visit.caller.require(Act.WORKFORCE_WRITE)
    asked = await visit.body(UpdateWorkforceQueueRequest)

    async def work(connection: Connection, book: Book) -> WorkforceQueueV1:
        queue = await workforce.queue(connection, visit.caller.workspace, queue_id)
        visit.match(queue.shown())
        queue = await workforce.change_queue(
            connection, queue, name=asked.name, capabilities=asked.required_capabilities,
            strategy=asked.routing_strategy, member_ids=asked.member_ids,
        )  # fmt: skip
        _tell(visit, book, "WorkforceQueueUpdated", f"Workforce queue {queue.id} was changed.", queue=queue.id)
        return queue.shown()

    return await command(visit, "UpdateWorkforceQueue", asked, work)


# -------------------------------------------------------------------- members


@routes.get("/workforce", operation_id="listWorkforceMembers", response_model=WorkforceMemberListResponse)
@routes.get("/workforce/members", include_in_schema=False)
async def list_members(
    visit: Entered,
    page: Paged,
    *,
    capability: WorkforceCapability | None = None,
    queue: Annotated[Id | None, Query(alias="queueId")] = None,
    availability: AvailabilityStatus | None = None,
) -> Response:
    """Who can be given work."""
    visit.caller.require(Act.READ)
    found = await workforce.members(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows, capability=capability,
        queue=queue, availability=availability,
    )  # fmt: skip
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    return await look(visit, WorkforceMemberListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/workforce",
    operation_id="createWorkforceMember",
    status_code=201,
    response_model=WorkforceMemberV1,
    openapi_extra=asks(CreateWorkforceMemberRequest),
)
async def create_member(visit: Entered) -> Response:
    """Count a user of the workspace among those who can be given work."""
    visit.caller.require(Act.WORKFORCE_WRITE)
    asked = await visit.body(CreateWorkforceMemberRequest)
    user = await user_named(visit, "linkedUserId", asked.linked_user_id)
    known = await visit.room.yard.identity.members.member(visit.caller.workspace, user)
    name = asked.display_name or (str(user) if known is None else known.name)

    async def work(connection: Connection, book: Book) -> WorkforceMemberV1:
        member = await workforce.add_member(
            connection, visit.caller.workspace, user, name=name, capabilities=asked.capabilities, now=book.now
        )
        _tell(visit, book, "WorkforceMemberAdded", f"Workforce member {member.id} was added.", member=member.id)
        return member.shown()

    return await command(
        visit, "CreateWorkforceMember", asked, work, status=201,
        location=lambda made: f"workforce/{made.workforce_member_id}",
    )  # fmt: skip


@routes.get("/workforce/{workforceMemberId}", operation_id="getWorkforceMember", response_model=WorkforceMemberV1)
async def get_member(visit: Entered, member_id: MemberId) -> Response:
    """One of them."""
    visit.caller.require(Act.READ)
    found = await workforce.member(visit.room.yard.database, visit.caller.workspace, member_id)
    return await look(visit, found.shown())


@routes.patch(
    "/workforce/{workforceMemberId}",
    operation_id="updateWorkforceMember",
    response_model=WorkforceMemberV1,
    openapi_extra=asks(UpdateWorkforceMemberRequest),
)
async def update_member(visit: Entered, member_id: MemberId) -> Response:
    """Change what is given."""
    visit.caller.require(Act.WORKFORCE_WRITE)
    asked = await visit.body(UpdateWorkforceMemberRequest)

    async def work(connection: Connection, book: Book) -> WorkforceMemberV1:
        member = await workforce.member(connection, visit.caller.workspace, member_id)
        visit.match(member.shown())
        member = await workforce.change_member(
            connection, member, now=book.now, name=asked.display_name, capabilities=asked.capabilities
        )
        _tell(visit, book, "WorkforceMemberUpdated", f"Workforce member {member.id} was changed.", member=member.id)
        return member.shown()

    return await command(visit, "UpdateWorkforceMember", asked, work)


@routes.patch(
    "/workforce/{workforceMemberId}/availability",
    operation_id="patchWorkforceMemberAvailability",
    response_model=WorkforceMemberV1,
    openapi_extra=asks(PatchWorkforceMemberAvailabilityRequest),
)
async def set_availability(visit: Entered, member_id: MemberId) -> Response:
    """Say whether they can take work."""
    visit.caller.require(Act.WORKFORCE_WRITE)
    asked = await visit.body(PatchWorkforceMemberAvailabilityRequest)
    now_is = asked.availability_status

    async def work(connection: Connection, book: Book) -> WorkforceMemberV1:
        member = await workforce.member(connection, visit.caller.workspace, member_id)
        visit.match(member.shown())
        member = await workforce.change_member(connection, member, now=book.now, availability=now_is)
        summary = f"Workforce member {member.id} is {now_is}."
        _tell(visit, book, "WorkforceMemberAvailabilityChanged", summary, member=member.id)
        return member.shown()

    return await command(visit, "PatchWorkforceMemberAvailability", asked, work)


def _tell(visit: Visit, book: Book, name: str, summary: str, **about: str) -> None:
    (kind, which), *_ = about.items()
    tell(visit, book, name, summary, subject=f"workforce/{which}", data={f"workforce{kind.title()}Id": which})
