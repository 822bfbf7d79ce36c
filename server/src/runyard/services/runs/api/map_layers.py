"""Layers of maps over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.api.telling import tell
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Id
from runyard.services.runs.models.places import (
    CreateMapLayerRequest,
    MapLayerListResponse,
    MapLayerType,
    MapLayerV1,
    MapVersion,
)
from runyard.services.runs.places import map_layers
from runyard.services.runs.words import Act

routes: APIRouter = router("MapLayers")


@routes.get("/map-layers", operation_id="listMapLayers", response_model=MapLayerListResponse)
async def list_layers(
    visit: Entered,
    page: Paged,
    *,
    site: Annotated[Id | None, Query(alias="siteId")] = None,
    floor: Annotated[Id | None, Query(alias="floorId")] = None,
    layer_type: Annotated[MapLayerType | None, Query(alias="layerType")] = None,
    version: MapVersion | None = None,
) -> Response:
    """The workspace's maps."""
    visit.caller.require(Act.READ)
    found = await map_layers.page(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows,
        where={"site": site, "floor": floor, "layer_type": layer_type, "version": version},
    )  # fmt: skip
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    return await look(visit, MapLayerListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.post(
    "/map-layers",
    operation_id="createMapLayer",
    status_code=201,
    response_model=MapLayerV1,
    openapi_extra=asks(CreateMapLayerRequest),
)
async def create(visit: Entered) -> Response:
    """Add a layer, or a new version of one."""
    visit.caller.require(Act.MAP_WRITE)
    asked = await visit.body(CreateMapLayerRequest)

    async def work(connection: Connection, book: Book) -> MapLayerV1:
        layer = await map_layers.add(connection, visit.caller.workspace, asked, now=book.now)
        summary = f"Map layer {layer.id} was added: version {layer.version} of {layer.layer_type}."
        tell(visit, book, "MapLayerAdded", summary, subject=f"map-layers/{layer.id}", data={"mapLayerId": layer.id})
        return layer.shown()

    return await command(visit, "CreateMapLayer", asked, work, status=201)
