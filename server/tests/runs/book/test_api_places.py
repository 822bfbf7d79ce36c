"""Positions and maps."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from runyard.services.runs.models.base import iso


def position(at, asset="robot-1", **more):
    return {
        "assetId": asset, "sourceStreamId": "s", "sourceType": "SLAM", "coordinateFrame": "hall",
        "observedAtIso": iso(at), "pose": {"x": 1.0, "y": 2.5, "z": 0.0, "yawRadians": 0.1},
        "quality": {"status": "Known", "horizontalStdDevMeters": 0.2}, **more,
    }  # fmt: skip


async def test_positions_are_looked_up_in_the_order_of_their_time(desk, ada):
    now = desk.yard.clock()
    events = [position(now - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    reported = await ada.post("/location-events", {"events": events}, 201)
    assert len(reported["items"]) == 3
    found = await ada.all("/location-events")
    assert [one["observedAtIso"] for one in found] == sorted(one["observedAtIso"] for one in events)
    assert found[0].keys() == {
        "schemaVersion", "locationEventId", "tenantId", "assetId", "sourceStreamId", "sourceType", "coordinateFrame",
        "observedAtIso", "ingestedAtIso", "pose", "quality", "correlationId",
    }  # fmt: skip
    assert [len(page) async for page in ada.pages("/location-events", limit=2)] == [2, 1]


async def test_positions_are_narrowed(desk, ada):
    now = desk.yard.clock() - timedelta(minutes=1)
    events = [
        position(now, "a", siteId="north", floorId="1"),
        position(now, "b", sourceType="GPS", quality={"status": "Unknown", "reason": "indoors"}),
        position(now - timedelta(days=2), "c"),
    ]
    await ada.post("/location-events", {"events": events}, 201)

    async def found(**where):
        return sorted(one["assetId"] for one in await ada.all("/location-events", **where))

    assert await found() == ["a", "b"]
    assert await found(siteId="north") == await found(floorId="1") == await found(assetId="a") == ["a"]
    assert await found(sourceType="GPS", purpose="compliance-audit") == ["b"]
    assert await found(fromIso=iso(now - timedelta(days=3))) == ["a", "b", "c"]
    assert await found(fromIso=iso(now - timedelta(days=3)), toIso=iso(now - timedelta(days=1))) == ["c"]


async def test_a_time_longer_than_a_week_is_refused(desk, ada):
    now = desk.yard.clock()
    long, turned = (now - timedelta(days=8), now), (now, now - timedelta(days=1))
    for begin, end in (long, turned):
        problem = await ada.get("/location-events", 422, fromIso=iso(begin), toIso=iso(end))
        assert "fromIso" in problem["errors"]
    await ada.get("/location-events", 422, fromIso="yesterday")
    await ada.get("/location-events", 422, purpose="curiosity")


async def test_old_positions_are_forgotten(desk, ada):
    now = desk.yard.clock()
    await ada.post("/location-events", {"events": [position(now - timedelta(days=31))]}, 201)
    await ada.post("/location-events", {"events": [position(now)]}, 201)
    count = await desk.yard.database.fetchval("SELECT count(*) FROM runs_locations WHERE workspace = $1", ada.workspace)
    assert count == 1


async def blocks(lines):
    """Events of a stream: their names and data."""
    fields = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], json.loads(fields["data"])
            fields = {}


async def test_a_stream_begins_with_what_is_known_and_ends(desk, ada):
    now = desk.yard.clock()
    empty = await ada.client.get("/location-events:stream")
    assert empty.headers["content-type"].startswith("text/event-stream")
    assert empty.text == 'event: stream-metadata\ndata: {"staleAfterSeconds":30,"stale":true}\n\n'
    events = [position(now - timedelta(seconds=9)), position(now), position(now - timedelta(hours=1), "robot-2")]
    await ada.post("/location-events", {"events": events}, 201)
    answer = await ada.client.get("/location-events:stream", params={"assetId": "robot-1"})
    (_, told), (name, last) = [one async for one in blocks(answer.aiter_lines())]
    assert told == {"staleAfterSeconds": 30, "stale": False, "lastObservedAtIso": iso(now)}
    assert (name, last["assetId"], last["observedAtIso"]) == ("location", "robot-1", iso(now))
    answer = await ada.client.get("/location-events:stream")
    assert len([one async for one in blocks(answer.aiter_lines())]) == 3


async def test_who_asks_for_a_stream_hears_of_new_positions(desk, ada):
    now = desk.yard.clock()
    headers = {"Accept": "text/event-stream"}
    async with (
        asyncio.timeout(30),
        ada.client.stream("GET", "/location-events:stream", headers=headers, params={"assetId": "a"}) as answer,
    ):
        found = blocks(answer.aiter_lines())
        assert (await anext(found))[0] == "stream-metadata"
        other = await desk.person("admin")
        await other.post("/location-events", {"events": [position(now, "a")]}, 201)
        await ada.post("/location-events", {"events": [position(now, "b"), position(now, "a")]}, 201)
        name, event = await anext(found)
        assert (name, event["assetId"], event["tenantId"]) == ("location", "a", ada.workspace)


@pytest.mark.parametrize(
    ("role", "live", "history"),
    [("admin", 200, 200), ("operator", 200, 200), ("approver", 200, 403), ("auditor", 403, 200)],
)
async def test_positions_are_for_roles(desk, role, live, history):
    person = await desk.person(role)
    assert (await person.client.get("/location-events:stream")).status_code == live
    assert (await person.client.get("/location-events")).status_code == history
    await person.get("/location-events:stream", 403, purpose="compliance-audit")


@pytest.mark.parametrize(
    "change",
    [
        {"pose": {"x": 1, "y": 2, "z": 0}},
        {"quality": {"status": "Perfect"}},
        {"quality": {"status": "Known", "horizontalStdDevMeters": -1}},
        {"observedAtIso": "2026-02-01T00:00:00"},
        {"sourceType": "guess"},
        {"mood": "good"},
    ],
)
async def test_a_position_that_cannot_be_is_refused(desk, ada, change):
    await ada.post("/location-events", {"events": [position(desk.yard.clock()) | change]}, 422)
    await ada.post("/location-events", {"events": []}, 422)
    assert await ada.all("/location-events") == []


async def test_maps_are_added_and_narrowed(desk, ada):
    body = {
        "siteId": "north", "floorId": "0", "layerType": "Geofence", "coordinateFrame": "hall",
        "validFromIso": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    first = await ada.post("/map-layers", body, 201)
    assert first.keys() == {
        "schemaVersion", "mapLayerId", "tenantId", "siteId", "floorId", "layerType", "coordinateFrame", "version",
        "validFromIso",
    }  # fmt: skip
    second = await ada.post("/map-layers", body | {"version": 2, "validToIso": "2026-02-01T00:00:00Z"}, 201)
    third = await ada.post("/map-layers", body | {"floorId": "1", "layerType": "Floorplan"}, 201)
    await ada.post("/map-layers", body, 409)
    await ada.post("/map-layers", body | {"version": 3, "validToIso": "2025-02-01T00:00:00Z"}, 422)
    assert await ada.all("/map-layers") == [first, second, third]
    assert await ada.all("/map-layers", version=2) == [second]
    assert await ada.all("/map-layers", floorId="1") == await ada.all("/map-layers", layerType="Floorplan") == [third]
    assert await ada.all("/map-layers", siteId="south") == []
    await ada.get("/map-layers", 422, version=0)
    eve = await desk.person("operator")
    assert await eve.all("/map-layers") == []
    await eve.post("/map-layers", body, 403)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/evidence", "runId"),
        ("/evidence", "planId"),
        ("/work-items", "ownerUserId"),
        ("/work-items", "evidenceId"),
        ("/human-tasks", "assigneeId"),
        ("/workforce", "queueId"),
        ("/location-events", "assetId"),
        ("/map-layers", "siteId"),
    ],
)
async def test_what_no_row_can_hold_is_found_nowhere(ada, path, name):
    for strange in ("\0", "\ud7ff\n", "'; --", "%", "x" * 200):
        assert await ada.all(path, **{name: strange}) == []
    await ada.get(path, 422, **{name: "x" * 201})


@pytest.mark.parametrize("path", ["evidence", "work-items", "human-tasks", "workforce", "workforce/queues"])
async def test_what_no_id_can_be_is_not_found(ada, path):
    for strange in ("%00", "%0A", "a%2Fb", "é"):
        await ada.get(f"/{path}/{strange}", 404)
