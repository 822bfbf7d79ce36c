"""Workspaces over HTTP."""

from __future__ import annotations

import re
import unicodedata

from fastapi import APIRouter, Request
from fastapi.responses import Response

from runyard.database import Connection
from runyard.identity import Principal, project_tenant
from runyard.identity.workspaces import Workspace as Kept
from runyard.services.runs.api.commands import Once, command, look, shown
from runyard.services.runs.api.edge import Entered, Identified, Paged, Visit, asks, ground, read, router
from runyard.services.runs.api.marks import correlation_of
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.evidence.entry import User as Person
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.workspaces import (
    CreateWorkspaceRequest,
    UpdateWorkspaceRequest,
    Workspace,
    WorkspaceListResponse,
)
from runyard.services.runs.refused import conflict, forbidden, invalid
from runyard.services.runs.words import Act, Role

routes: APIRouter = router("Workspaces", prefix="/v1/workspaces")


@routes.get("", operation_id="listWorkspaces", response_model=WorkspaceListResponse)
async def list_workspaces(request: Request, principal: Identified, page: Paged) -> Response:
    """The workspaces that the caller takes part in; with a workspace's token, only that one."""
    found = await ground.of(request).yard.identity.workspaces.page(
        principal.user_id, only=principal.project, after=page.after, limit=page.rows
    )
    kept, cursor = page.cut(found, lambda each: Place(each.created_at, each.id))
    listing = WorkspaceListResponse(items=[Workspace.of(each) for each in kept], next_cursor=cursor, cursor=cursor)
    return shown(request, listing, etag=False)


@routes.post(
    "",
    operation_id="createWorkspace",
    status_code=201,
    response_model=Workspace,
    openapi_extra=asks(CreateWorkspaceRequest),
)
async def create(request: Request, principal: Identified) -> Response:
    """Make a workspace, with the caller as its first admin. Takes an admin of the yard."""
    if not principal.is_admin:
        raise forbidden("Workspaces are made by admins of the yard, with a token of the yard: runyard token create.")
    if principal.email is None:
        raise conflict("Your user has no email, so it can't be in a workspace. Give it one: runyard user add --email.")
    asked = await read(request, CreateWorkspaceRequest)
    workspace = asked.workspace_id or _id_of(asked.name)
    room, email = ground.of(request), principal.email
    once = Once(
        room, request, asked, workspace=workspace, scope="", command="RegisterWorkspace", user=principal.user_id
    )

    async def work(connection: Connection, book: Book) -> Workspace:
        identity = room.yard.identity
        now = room.yard.clock()
        kept = await identity.workspaces.create(connection, workspace, asked.name, now=now)
        await identity.workspace_users.add(connection, kept.id, email, roles=[Role.ADMIN], now=now)
        _founded(book, principal, kept, correlation_of(request))
        return Workspace.of(kept)

    return await once.run(work, status=201, location=lambda made: f"/v1/workspaces/{made.workspace_id}")


@routes.get("/{workspaceId}", operation_id="getWorkspace", response_model=Workspace)
async def get(visit: Entered) -> Response:
    """One workspace."""
    return await look(visit, Workspace.of(await visit.room.yard.identity.workspaces.get(visit.caller.workspace)))


@routes.patch(
    "/{workspaceId}",
    operation_id="updateWorkspace",
    response_model=Workspace,
    openapi_extra=asks(UpdateWorkspaceRequest),
)
async def update(visit: Entered) -> Response:
    """Give a workspace another name."""
    visit.caller.require(Act.WORKSPACE_WRITE)
    asked = await visit.body(UpdateWorkspaceRequest)

    async def work(connection: Connection, book: Book) -> Workspace:
        workspaces = visit.room.yard.identity.workspaces
        visit.match(Workspace.of(await workspaces.get(visit.caller.workspace, connection)))
        kept = await workspaces.rename(connection, visit.caller.workspace, asked.name)
        _tell(visit, book, "WorkspaceRenamed", "The workspace was given another name.")
        return Workspace.of(kept)

    return await command(visit, "UpdateWorkspace", asked, work)


@routes.delete("/{workspaceId}", operation_id="deleteWorkspace", status_code=204)
async def delete(visit: Entered) -> Response:
    """End a workspace in which nothing runs. What was done in it stays proven, and its id stays taken."""
    visit.caller.require(Act.WORKSPACE_WRITE)
    workspace = visit.caller.workspace

    async def work(connection: Connection, book: Book) -> Workspace:
        workspaces = visit.room.yard.identity.workspaces
        kept = Workspace.of(await workspaces.get(workspace, connection))
        visit.match(kept)
        running = await connection.fetchval(
            "SELECT count(*) FROM jobs WHERE tenant = $1 AND ended_at IS NULL", project_tenant(workspace)
        )
        if running:
            raise conflict(f"{running} of the workspace's jobs are still at work. Cancel them first.")
        await workspaces.delete(connection, workspace, now=book.now)
        _tell(visit, book, "WorkspaceDeleted", "The workspace was ended.")
        return kept

    return await command(visit, "DeleteWorkspace", None, work, status=204)


def _tell(visit: Visit, book: Book, name: str, summary: str) -> None:
    workspace = visit.caller.workspace
    tell(visit, book, name, summary, subject=f"workspaces/{workspace}", data={"workspaceId": workspace})


def _founded(book: Book, founder: Principal, kept: Kept, correlation: str) -> None:
    person = str(founder.user_id)
    book.record("System", "The workspace was made.", actor=Person(user_id=person), correlation_id=correlation)
    book.tell(
        "workspace",
        "WorkspaceRegistered",
        subject=f"workspaces/{kept.id}",
        data={"workspaceId": kept.id, "userId": person},
        correlation_id=correlation,
    )


def _id_of(name: str) -> str:
    """An id that looks like the name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-")
    if not found:
        raise invalid(
            "workspaceId", "no id can be made of this name; give one of lower-case letters, digits and hyphens"
        )
    return found
