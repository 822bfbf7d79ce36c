"""Service accounts over HTTP: programs that take part in a workspace. Their secrets are said once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from runyard.database import Connection
from runyard.identity.service_accounts import ServiceAccounts
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.service_accounts import (
    CreateServiceAccountRequest,
    ServiceAccount,
    ServiceAccountListResponse,
)
from runyard.services.runs.words import Act

routes: APIRouter = router("ServiceAccounts")

ClientId = Annotated[str, Path(alias="clientId", min_length=1)]


@routes.get("/service-accounts", operation_id="listServiceAccounts", response_model=ServiceAccountListResponse)
async def list_accounts(visit: Entered, page: Paged) -> Response:
    """The programs of the workspace, those that have ended too."""
    visit.caller.require(Act.SERVICE_ACCOUNT_READ)
    found = await _accounts(visit).page(visit.caller.workspace, after=page.after, limit=page.rows)
    kept, cursor = page.cut(found, lambda each: Place(each.created_at, each.client_id))
    items = [ServiceAccount.of(each) for each in kept]
    listing = ServiceAccountListResponse(items=items, next_cursor=cursor, cursor=cursor)
    return await look(visit, listing, etag=False)


@routes.post(
    "/service-accounts",
    operation_id="createServiceAccount",
    status_code=201,
    response_model=ServiceAccount,
    openapi_extra=asks(CreateServiceAccountRequest),
)
async def create(visit: Entered) -> Response:
    """Make one. The answer has its secret, this once; exchange it for tokens at `/v1/auth/token`."""
    visit.caller.require(Act.SERVICE_ACCOUNT_WRITE)
    asked = await visit.body(CreateServiceAccountRequest)

    async def work(connection: Connection, book: Book) -> ServiceAccount:
        issued = await _accounts(visit).create(
            connection, visit.caller.workspace, asked.name, roles=asked.roles, expires_in=asked.lifetime
        )
        account = ServiceAccount.of(issued.account, secret=issued.secret.reveal())
        roles = ", ".join(asked.roles)
        _tell(
            visit, book, "ServiceAccountCreated", account, f"Service account {account.client_id} was made as {roles}."
        )
        return account

    return await command(
        visit,
        "CreateServiceAccount",
        asked,
        work,
        status=201,
        location=lambda account: f"service-accounts/{account.client_id}",
        keep=ServiceAccount.without_secret,
    )


@routes.get("/service-accounts/{clientId}", operation_id="getServiceAccount", response_model=ServiceAccount)
async def get(visit: Entered, client_id: ClientId) -> Response:
    """One of them."""
    visit.caller.require(Act.SERVICE_ACCOUNT_READ)
    return await look(visit, ServiceAccount.of(await _accounts(visit).get(visit.caller.workspace, client_id)))


@routes.post("/service-accounts/{clientId}/rotate", operation_id="rotateServiceAccount", response_model=ServiceAccount)
async def rotate(visit: Entered, client_id: ClientId) -> Response:
    """Give it a new secret, said in the answer, this once. The old one ends now; tokens end by themselves."""
    visit.caller.require(Act.SERVICE_ACCOUNT_WRITE)

    async def work(connection: Connection, book: Book) -> ServiceAccount:
        issued = await _accounts(visit).rotate(connection, visit.caller.workspace, client_id)
        account = ServiceAccount.of(issued.account, secret=issued.secret.reveal())
        _tell(visit, book, "ServiceAccountRotated", account, f"Service account {client_id} was given a new secret.")
        return account

    return await command(visit, "RotateServiceAccount", None, work, keep=ServiceAccount.without_secret)


@routes.delete("/service-accounts/{clientId}", operation_id="revokeServiceAccount", status_code=204)
async def revoke(visit: Entered, client_id: ClientId) -> Response:
    """End it, and its tokens with it, now."""
    visit.caller.require(Act.SERVICE_ACCOUNT_WRITE)

    async def work(connection: Connection, book: Book) -> ServiceAccount:
        visit.match(ServiceAccount.of(await _accounts(visit).get(visit.caller.workspace, client_id, connection)))
        account = ServiceAccount.of(await _accounts(visit).revoke(connection, visit.caller.workspace, client_id))
        _tell(visit, book, "ServiceAccountRevoked", account, f"Service account {client_id} was ended.")
        return account

    return await command(visit, "RevokeServiceAccount", None, work, status=204)


def _accounts(visit: Visit) -> ServiceAccounts:
    return visit.room.yard.identity.service_accounts


def _tell(visit: Visit, book: Book, name: str, account: ServiceAccount, summary: str) -> None:
    data = {"clientId": account.client_id, "userId": account.user_id}
    tell(visit, book, name, summary, subject=f"service-accounts/{account.client_id}", data=data)
