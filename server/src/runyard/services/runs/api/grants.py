"""Credential grants over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from runyard.database import Connection
from runyard.services.runs import adapters, grants
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.adapters import (
    CreateCredentialGrantRequest,
    CredentialGrantListResponse,
    CredentialGrantV1,
    UpdateCredentialGrantRequest,
)
from runyard.services.runs.words import Act

routes = router("CredentialGrants")
GrantId = Annotated[str, Path(alias="credentialGrantId", min_length=1)]


@routes.get("/credential-grants", operation_id="listCredentialGrants", response_model=CredentialGrantListResponse)
async def list_grants(visit: Entered, page: Paged) -> Response:
    """The workspace's grants, ended ones too."""
    visit.caller.require(Act.READ)
    found = await grants.page(visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows)
    items, cursor = page.cut(found, lambda one: Place(one.issued_at_iso, one.credential_grant_id))
    answer = CredentialGrantListResponse(items=items, next_cursor=cursor, cursor=cursor)
    return await look(visit, answer, etag=False)


@routes.post(
    "/credential-grants", operation_id="createCredentialGrant", status_code=201, response_model=CredentialGrantV1,
    openapi_extra=asks(CreateCredentialGrantRequest),
)  # fmt: skip
async def create(visit: Entered) -> Response:
    """Let an adapter use a credential."""
    visit.caller.require(Act.GRANT_WRITE)
    asked = await visit.body(CreateCredentialGrantRequest)

    async def work(connection: Connection, book: Book) -> CredentialGrantV1:
        await adapters.find(connection, visit.caller.workspace, asked.adapter_id)
        grant = await grants.add(connection, visit.caller.workspace, asked, at=book.now)
        _tell(visit, book, grant, "CredentialGranted", f"Adapter {grant.adapter_id} was granted a credential.")
        return grant

    return await command(
        visit, "CreateCredentialGrant", asked, work, status=201,
        location=lambda made: f"credential-grants/{made.credential_grant_id}",
    )  # fmt: skip


@routes.get(
    "/credential-grants/{credentialGrantId}", operation_id="getCredentialGrant", response_model=CredentialGrantV1
)
async def get(visit: Entered, grant_id: GrantId) -> Response:
    """A grant."""
    visit.caller.require(Act.READ)
    return await look(visit, await grants.find(visit.room.yard.database, visit.caller.workspace, grant_id))


@routes.patch(
    "/credential-grants/{credentialGrantId}", operation_id="updateCredentialGrant", response_model=CredentialGrantV1,
    openapi_extra=asks(UpdateCredentialGrantRequest),
)  # fmt: skip
async def update(visit: Entered, grant_id: GrantId) -> Response:
    """Change what a grant is for, or when it ends."""
    visit.caller.require(Act.GRANT_WRITE)
    asked = await visit.body(UpdateCredentialGrantRequest)

    async def work(connection: Connection, book: Book) -> CredentialGrantV1:
        grant = await grants.find(connection, visit.caller.workspace, grant_id)
        visit.match(grant)
        grant = await grants.change(connection, grant, scope=asked.scope, expires_at=asked.expires_at_iso, at=book.now)
        named = ", ".join(sorted(asked.model_fields_set))
        _tell(visit, book, grant, "CredentialGrantUpdated", f"Grant {grant.credential_grant_id} changed: {named}.")
        return grant

    return await command(visit, "UpdateCredentialGrant", asked, work)


@routes.post(
    "/credential-grants/{credentialGrantId}/rotate", operation_id="rotateCredentialGrant",
    response_model=CredentialGrantV1,
)  # fmt: skip
async def rotate(visit: Entered, grant_id: GrantId) -> Response:
    """Note that the credential has a new secret."""
    visit.caller.require(Act.GRANT_WRITE)

    async def work(connection: Connection, book: Book) -> CredentialGrantV1:
        grant = await grants.find(connection, visit.caller.workspace, grant_id)
        visit.match(grant)
        grant = await grants.rotate(connection, grant, at=book.now)
        _tell(visit, book, grant, "CredentialRotated", f"Grant {grant.credential_grant_id} was rotated.")
        return grant

    return await command(visit, "RotateCredentialGrant", None, work)


@routes.post(
    "/credential-grants/{credentialGrantId}/revoke", operation_id="revokeCredentialGrant",
    response_model=CredentialGrantV1,
)  # fmt: skip
async def revoke(visit: Entered, grant_id: GrantId) -> Response:
    """End a grant. One that has ended stays as it is."""
    visit.caller.require(Act.GRANT_WRITE)

    async def work(connection: Connection, book: Book) -> CredentialGrantV1:
        grant = await grants.find(connection, visit.caller.workspace, grant_id)
        visit.match(grant)
        if grant.revoked_at_iso is None:
            grant = await grants.revoke(connection, grant, at=book.now)
            _tell(visit, book, grant, "CredentialRevoked", f"Grant {grant.credential_grant_id} was revoked.")
        return grant

    return await command(visit, "RevokeCredentialGrant", None, work)


def _tell(visit: Visit, book: Book, grant: CredentialGrantV1, name: str, summary: str) -> None:
    data = {"credentialGrantId": grant.credential_grant_id, "adapterId": grant.adapter_id}
    tell(visit, book, name, summary, subject=f"credential-grants/{grant.credential_grant_id}", data=data)
