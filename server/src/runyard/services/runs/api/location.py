"""Positions over HTTP: reported, looked up, and followed as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.events import LONGEST
from runyard.services.runs.api.paging import Place
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Id, Iso, iso
from runyard.services.runs.models.places import (
    LocationEventListResponse,
    LocationPurpose,
    LocationSourceType,
    ReportLocationEventsRequest,
)
from runyard.services.runs.places import locations
from runyard.services.runs.refused import forbidden, invalid
from runyard.services.runs.words import Act
from runyard.web.bodies import JSON
from runyard.web.sse import GOING_AWAY, HEARTBEAT, EventStream, frame

STALE: Final = timedelta(seconds=30)
WINDOW: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)

routes: APIRouter = router("Location")


@routes.get(
    "/location-events:stream",
    operation_id="streamLocationEvents",
    response_class=EventStream,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    visit: Entered,
    *,
    asset: Annotated[Id | None, Query(alias="assetId")] = None,
    purpose: LocationPurpose = LocationPurpose.OPERATIONS,
) -> Response:
    """The last known positions; who accepts ``text/event-stream`` gets new ones as they come."""
    visit.caller.require(Act.LOCATION_LIVE)
    if purpose is LocationPurpose.COMPLIANCE_AUDIT:
        raise forbidden("Positions aren't followed live for a compliance audit. Look them up: GET location-events.")
    live = "text/event-stream" in visit.request.headers.get("accept", "")
    return EventStream(_pieces(visit, asset, live=live))


@routes.get("/location-events", operation_id="listLocationEvents", response_model=LocationEventListResponse)
async def list_events(
    visit: Entered,
    page: Paged,
    *,
    since: Annotated[Iso | None, Query(alias="fromIso")] = None,
    until: Annotated[Iso | None, Query(alias="toIso")] = None,
    purpose: LocationPurpose = LocationPurpose.OPERATIONS,  # noqa: ARG001  (part of the contract; all may be looked up)
    asset: Annotated[Id | None, Query(alias="assetId")] = None,
    site: Annotated[Id | None, Query(alias="siteId")] = None,
    floor: Annotated[Id | None, Query(alias="floorId")] = None,
    source_type: Annotated[LocationSourceType | None, Query(alias="sourceType")] = None,
) -> Response:
    """Positions of up to seven days, by default of the last one."""
    visit.caller.require(Act.LOCATION_HISTORY)
    begin, end = _window(visit.room.yard.clock(), since, until)
    rows = await locations.page(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows, since=begin, until=end,
        where={"asset": asset, "site": site, "floor": floor, "source_type": source_type},
    )  # fmt: skip
    kept, cursor = page.cut(rows, lambda row: Place(row.observed_at, row.id))
    more = b"" if cursor is None else b',"nextCursor":"%b","cursor":"%b"' % (cursor.encode(), cursor.encode())
    return Response(b'{"items":[%b]%b}' % (b",".join(row.body for row in kept), more), media_type=JSON)


@routes.post(
    "/location-events",
    operation_id="reportLocationEvents",
    status_code=201,
    response_model=LocationEventListResponse,
    openapi_extra=asks(ReportLocationEventsRequest),
)
async def report(visit: Entered) -> Response:
    """Say where things are. Positions are kept for thirty days; they are no evidence."""
    visit.caller.require(Act.LOCATION_WRITE)
    asked = await visit.body(ReportLocationEventsRequest)

    async def work(connection: Connection, book: Book) -> LocationEventListResponse:
        events = await locations.add(
            connection, visit.caller.workspace, asked.events, now=book.now, correlation=visit.caller.correlation_id
        )
        return LocationEventListResponse(items=events)

    return await command(visit, "ReportLocationEvents", asked, work, status=201)


def _window(now: datetime, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    end = until or (now if since is None else min(since + WINDOW, now))
    begin = since or end - DAY
    if not timedelta() <= end - begin <= WINDOW:
        raise invalid("fromIso", f"{iso(begin)} to {iso(end)} is no time of up to {WINDOW.days} days")
    return begin, end


async def _pieces(visit: Visit, asset: str | None, *, live: bool) -> AsyncGenerator[bytes]:
    yard, workspace = visit.room.yard, visit.caller.workspace
    async with locations.listening(yard.signals, workspace, closing=yard.tails.closing) as came:
        seen = await locations.newest(yard.database, workspace)
        known = await locations.last_known(yard.database, workspace, asset)
        last = max((row.observed_at for row in known), default=None)
        told: dict[str, object] = {
            "staleAfterSeconds": int(STALE.total_seconds()), "stale": last is None or yard.clock() - last > STALE
        }  # fmt: skip
        yield frame(
            msgspec.json.encode(told if last is None else told | {"lastObservedAtIso": iso(last)}),
            event=b"stream-metadata",
        )
        for row in known:
            yield _location(row)
        seen = max([seen, *(row.seq for row in known)])
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST
        while live and not yard.tails.closing.is_set() and loop.time() < end:
            rows = await locations.news(yard.database, workspace, asset, after=seen)
            again = await visit.still()
            if again is None or not again.may(Act.LOCATION_LIVE):
                break
            for row in rows:
                yield _location(row)
                seen = row.seq
            if not rows:
                try:
                    async with asyncio.timeout(yard.settings.stream_heartbeat * 0.9):
                        await came.wait()
                except TimeoutError:
                    yield HEARTBEAT
                came.clear()
        if live:
            yield GOING_AWAY


def _location(row: locations.Row) -> bytes:
    return frame(row.body, cursor=b"%d" % row.seq, event=b"location")
