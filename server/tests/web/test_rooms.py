"""What every service's HTTP face is made of, in an application of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Final
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, Request, Response

from runyard.database import DatabaseUnavailable
from runyard.web.application import application
from runyard.web.auth import bearer
from runyard.web.bodies import BodyTooLarge, form_of, json_response, read_body
from runyard.web.cursors import BadCursor, read_cursor, write_cursor
from runyard.web.errors import Refusals, Refused, invalid, refusing
from runyard.web.ground import Ground
from runyard.web.idempotency import BadKey, idempotency_key
from runyard.web.multipart import FormTooLarge
from runyard.web.sse import GOING_AWAY, EventStream, frame

REFUSALS: Final[Refusals] = {
    BodyTooLarge: lambda error: Refused(413, str(error), code="body_too_large"),
    FormTooLarge: lambda error: Refused(413, str(error), code="form_too_large"),
    BadKey: lambda error: invalid("value_error", ("header", "idempotency-key"), str(error), error.key),
}

ground: Final = Ground(str)
routes = APIRouter(route_class=refusing(REFUSALS))


@routes.post("/body")
async def body(request: Request) -> Response:
    return json_response({"room": ground.of(request), "size": len(await read_body(request, limit=100))}, status=202)


@routes.post("/form")
async def form(request: Request) -> Response:
    found = form_of(request, limit=1000)
    fields = None if found is None else {part.name: await part.text(limit=100) async for part in found.parts()}
    return json_response(fields)


@routes.post("/key")
async def key(key: Annotated[str | None, Depends(idempotency_key)]) -> Response:
    return json_response(key)


@routes.get("/bearer")
async def who(request: Request) -> Response:
    return json_response(bearer(request))


@routes.get("/stream")
async def stream() -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield frame(b"{}", cursor=b"1", event=b"status")
        raise DatabaseUnavailable("gone")

    return EventStream(pieces())


async def nowhere(_request: Request, error: Exception) -> Response:
    return json_response({"error": "no such path"}, status=error.status_code)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = application("Example", ground.router(routes, "the room"), unmatched=nowhere)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://yard") as client:
        yield client


async def test_routes_find_the_ground_they_were_put_on(http: httpx.AsyncClient):
    assert (await http.post("/body", content=b"x" * 100)).json() == {"room": "the room", "size": 100}
    other = application("Another", ground.router(routes, "another room"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://yard") as client:
        assert (await client.post("/body")).json() == {"room": "another room", "size": 0}


async def test_a_body_ends_at_its_limit(http: httpx.AsyncClient):
    answer = await http.post("/body", content=b"x" * 101)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "100 bytes" in answer.json()["detail"]


async def test_a_form_that_says_it_is_too_large_is_not_read(http: httpx.AsyncClient):
    assert (await http.post("/form", files={"a": (None, "1"), "b": (None, "2")})).json() == {"a": "1", "b": "2"}
    assert (await http.post("/form", json={})).json() is None
    assert (await http.post("/form", content=b"", headers={"Content-Length": "1001"})).status_code == 413


async def test_a_key_is_checked(http: httpx.AsyncClient):
    assert (await http.post("/key")).json() is None
    assert (await http.post("/key", headers={"Idempotency-Key": "a key"})).json() == "a key"
    for wrong in ("", "x" * 256, "ü", "a\tb"):
        answer = await http.post("/key", headers={"Idempotency-Key": wrong.encode("latin-1")})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["header", "idempotency-key"]


@pytest.mark.parametrize(
    ("header", "credential"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("Bearer ", None), ("", None)],
)
async def test_a_bearer_presents_one_credential(http: httpx.AsyncClient, header: str, credential: str | None):
    assert (await http.get("/bearer", headers={"Authorization": header})).json() == credential


async def test_every_answer_has_a_request_id_and_strangers_paths_the_rooms_words(http: httpx.AsyncClient):
    answer = await http.get("/nowhere", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.json()) == (404, {"error": "no such path"})
    assert answer.headers["x-request-id"] == "mine"


async def test_a_stream_without_its_database_sends_readers_elsewhere(http: httpx.AsyncClient):
    assert (await http.get("/stream")).content == b"id: 1\nevent: status\ndata: {}\n\n" + GOING_AWAY


def test_an_event_may_have_neither_cursor_nor_type():
    assert frame(b"{}") == b"data: {}\n\n"


def test_a_cursor_leads_back_to_its_place():
    place = datetime(2025, 10, 13, 10, 30, 0, 123456, UTC), uuid4()
    assert read_cursor(write_cursor(*place)) == place
    elsewhere = place[0].astimezone(timezone(timedelta(hours=2)))
    assert read_cursor(write_cursor(elsewhere, place[1])) == place


@pytest.mark.parametrize("text", ["", "x", "ü", "YQ", "MjAyNS0xMC0xM1QxMDozMC94", "2025/1"])
def test_what_is_no_cursor_is_refused(text: str):
    with pytest.raises(BadCursor) as refused:
        read_cursor(text)
    assert refused.value.cursor == text
