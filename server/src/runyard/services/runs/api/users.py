"""The people of a workspace over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from runyard.database import Connection
from runyard.identity.checks import as_uuid
from runyard.identity.workspace_users import WorkspaceUser, WorkspaceUsers
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.users import (
    AddWorkspaceUserRequest,
    UpdateWorkspaceUserRequest,
    User,
    UserListResponse,
)
from runyard.services.runs.refused import not_found
from runyard.services.runs.words import Act

routes: APIRouter = router("Users")


async def _user_id(user: Annotated[str, Path(alias="userId", min_length=1)]) -> UUID:
    found = as_uuid(user)
    if found is None:
        raise not_found("User", user)
    return found


UserId = Annotated[UUID, Depends(_user_id)]


@routes.get("/users", operation_id="listWorkspaceUsers", response_model=UserListResponse)
async def list_users(visit: Entered, page: Paged) -> Response:
    """The people of the workspace, those who came first before the others."""
    visit.caller.require(Act.READ)
    after = page.after.at, page.after.uuid
    found = await _users(visit).page(visit.caller.workspace, after=after, limit=page.rows)
    kept, cursor = page.cut(found, lambda each: Place(each.created_at, str(each.user_id)))
    listing = UserListResponse(items=[User.of(each) for each in kept], next_cursor=cursor, cursor=cursor)
    return await look(visit, listing, etag=False)


@routes.post(
    "/users",
    operation_id="addWorkspaceUser",
    status_code=201,
    response_model=User,
    openapi_extra=asks(AddWorkspaceUserRequest),
)
@routes.post("/users/invite", include_in_schema=False)
async def add(visit: Entered) -> Response:
    """Let somebody take part. Who isn't known to the yard yet becomes a user of it, by their email."""
    visit.caller.require(Act.USER_WRITE)
    asked = await visit.body(AddWorkspaceUserRequest)

    async def work(connection: Connection, book: Book) -> User:
        user = await _users(visit).add(
            connection,
            visit.caller.workspace,
            asked.email,
            roles=asked.roles,
            display_name=asked.display_name,
            active=asked.active,
            now=visit.room.yard.clock(),
        )
        _tell(visit, book, "UserAdded", user, f"User {user.user_id} takes part from now on {_standing(user)}.")
        return User.of(user)

    return await command(
        visit, "AddWorkspaceUser", asked, work, status=201, location=lambda user: f"users/{user.user_id}"
    )


@routes.get("/users/{userId}", operation_id="getWorkspaceUser", response_model=User)
async def get(visit: Entered, user_id: UserId) -> Response:
    """One of them."""
    visit.caller.require(Act.READ)
    return await look(visit, User.of(await _users(visit).get(visit.caller.workspace, user_id)))


@routes.patch(
    "/users/{userId}",
    operation_id="updateWorkspaceUser",
    response_model=User,
    openapi_extra=asks(UpdateWorkspaceUserRequest),
)
async def update(visit: Entered, user_id: UserId) -> Response:
    """Change what is given about somebody. A workspace always keeps an active admin."""
    visit.caller.require(Act.USER_WRITE)
    asked = await visit.body(UpdateWorkspaceUserRequest)

    async def work(connection: Connection, book: Book) -> User:
        visit.match(User.of(await _users(visit).get(visit.caller.workspace, user_id, connection)))
        user = await _users(visit).update(
            connection,
            visit.caller.workspace,
            user_id,
            display_name=asked.display_name,
            roles=asked.roles,
            active=asked.active,
        )
        _tell(visit, book, "UserChanged", user, f"User {user.user_id} takes part from now on {_standing(user)}.")
        return User.of(user)

    return await command(visit, "UpdateWorkspaceUser", asked, work)


@routes.delete("/users/{userId}", operation_id="removeWorkspaceUser", status_code=204)
async def remove(visit: Entered, user_id: UserId) -> Response:
    """Have somebody take part no more. Their tokens of this workspace end at once."""
    visit.caller.require(Act.USER_WRITE)

    async def work(connection: Connection, book: Book) -> User:
        visit.match(User.of(await _users(visit).get(visit.caller.workspace, user_id, connection)))
        user = await _users(visit).remove(connection, visit.caller.workspace, user_id)
        _tell(visit, book, "UserRemoved", user, f"User {user.user_id} takes part no more.")
        return User.of(user)

    return await command(visit, "RemoveWorkspaceUser", None, work, status=204)


def _users(visit: Visit) -> WorkspaceUsers:
    return visit.room.yard.identity.workspace_users


def _standing(user: WorkspaceUser) -> str:
    """How they take part; evidence names people by their ids."""
    return f"as {', '.join(user.roles)}" if user.active else "as nobody: they are deactivated"


def _tell(visit: Visit, book: Book, name: str, user: WorkspaceUser, summary: str) -> None:
    data = {"userId": str(user.user_id), "roles": list(user.roles), "active": user.active}
    tell(visit, book, name, summary, subject=f"users/{user.user_id}", data=data)
