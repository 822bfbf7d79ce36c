"""Adapters over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from runyard.database import Connection
from runyard.services.runs import adapters
from runyard.services.runs.adapters import Adapter
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.adapters import (
    AdapterRegistrationListResponse,
    AdapterRegistrationV1,
    CreateAdapterRegistrationRequest,
    UpdateAdapterRegistrationRequest,
)
from runyard.services.runs.words import Act

routes = router("AdapterRegistrations")
AdapterId = Annotated[str, Path(alias="adapterId", min_length=1)]


@routes.get(
    "/adapter-registrations", operation_id="listAdapterRegistrations", response_model=AdapterRegistrationListResponse
)
@routes.get("/adapters", include_in_schema=False)
async def list_adapters(visit: Entered, page: Paged) -> Response:
    """The workspace's adapters."""
    visit.caller.require(Act.READ)
    database = visit.room.yard.database
    found = await adapters.page(database, visit.caller.workspace, after=page.after, rows=page.rows)
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    answer = AdapterRegistrationListResponse(items=items, next_cursor=cursor, cursor=cursor)
    return await look(visit, answer, etag=False)


@routes.post(
    "/adapter-registrations", operation_id="createAdapterRegistration", status_code=201,
    response_model=AdapterRegistrationV1, openapi_extra=asks(CreateAdapterRegistrationRequest),
)  # fmt: skip
async def create(visit: Entered) -> Response:
    """Register an adapter."""
    visit.caller.require(Act.ADAPTER_WRITE)
    asked = await visit.body(CreateAdapterRegistrationRequest)

    async def work(connection: Connection, book: Book) -> AdapterRegistrationV1:
        adapter = await adapters.add(connection, visit.caller.workspace, asked, at=book.now)
        _tell(visit, book, adapter, "AdapterRegistered", f"Adapter {adapter.id} registered for {adapter.family}.")
        return adapter.shown()

    return await command(
        visit, "CreateAdapterRegistration", asked, work, status=201,
        location=lambda made: f"adapter-registrations/{made.adapter_id}",
    )  # fmt: skip


@routes.get(
    "/adapter-registrations/{adapterId}", operation_id="getAdapterRegistration", response_model=AdapterRegistrationV1
)
async def get(visit: Entered, adapter_id: AdapterId) -> Response:
    """An adapter."""
    visit.caller.require(Act.READ)
    adapter = await adapters.find(visit.room.yard.database, visit.caller.workspace, adapter_id)
    return await look(visit, adapter.shown())


@routes.patch(
    "/adapter-registrations/{adapterId}", operation_id="updateAdapterRegistration",
    response_model=AdapterRegistrationV1, openapi_extra=asks(UpdateAdapterRegistrationRequest),
)  # fmt: skip
async def update(visit: Entered, adapter_id: AdapterId) -> Response:
    """Change an adapter, or switch it on or off."""
    visit.caller.require(Act.ADAPTER_WRITE)
    asked = await visit.body(UpdateAdapterRegistrationRequest)

    async def work(connection: Connection, book: Book) -> AdapterRegistrationV1:
        adapter = await adapters.find(connection, visit.caller.workspace, adapter_id)
        visit.match(adapter.shown())
        adapter = await adapters.change(connection, adapter, asked)
        named = ", ".join(sorted(asked.model_fields_set))
        _tell(visit, book, adapter, "AdapterUpdated", f"Adapter {adapter.id} changed: {named}.")
        return adapter.shown()

    return await command(visit, "UpdateAdapterRegistration", asked, work)


def _tell(visit: Visit, book: Book, adapter: Adapter, name: str, summary: str) -> None:
    data = {"adapterId": adapter.id, "portFamily": str(adapter.family), "enabled": adapter.enabled}
    tell(visit, book, name, summary, subject=f"adapters/{adapter.id}", data=data)
