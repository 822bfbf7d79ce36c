"""Invariant 7 at the HTTP ports: nobody holds a connection by saying nothing. Over real sockets, with short deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from runyard.web import patience

DEADLINE = 10.0
LATER = b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"


async def size(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def stream(request: Request) -> StreamingResponse:
    """Ends long after every deadline of the test, when its client hangs up."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        while not await request.is_disconnected():
            await asyncio.sleep(0)
        request.app.state.gone.set()

    return StreamingResponse(pieces())


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(patience, "HEAD", 0.3)
    monkeypatch.setattr(patience, "SILENCE", 0.3)
    app = Starlette(routes=[Route("/size", size, methods=["POST"]), Route("/stream", stream)])
    app.add_middleware(patience.BodiesInTime)
    app.state.gone = asyncio.Event()
    config = uvicorn.Config(app, port=0, http=patience.PatientProtocol, log_level="critical")
    server = uvicorn.Server(config)
    server.config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await ticking
    await server.shutdown()


async def told(port: int, *said: bytes) -> bytes:
    """All that the server says until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in said:
        writer.write(piece)
    async with asyncio.timeout(DEADLINE):
        heard = await reader.read()
    writer.close()
    return heard


async def test_a_silent_connection_is_closed(port: int) -> None:
    assert await told(port) == b""


async def test_half_a_head_is_not_waited_for(port: int) -> None:
    assert await told(port, b"POST /size HTTP/1.1\r\nHost:") == b""


async def test_half_a_head_after_a_whole_request_is_not_waited_for(port: int) -> None:
    heard = await told(port, LATER + b"67890", b"POST /size HT")
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.endswith(b"10")


async def test_a_body_that_stops_is_given_up(port: int) -> None:
    heard = await told(port, LATER)
    assert heard.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in heard


async def test_an_answer_may_take_as_long_as_it_likes(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(DEADLINE):
        await reader.readuntil(b"first")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):  # longer than both deadlines
            await reader.readexactly(1000)
    assert not reader.at_eof()
    writer.close()
