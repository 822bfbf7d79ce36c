"""The machine's link to the yard, where the way between them is odd."""

from __future__ import annotations

import asyncio

import pytest

from runyard.services.runs.outpost.link import LinkDown, Pauses, enrol


async def test_a_pause_ends_when_something_has_happened() -> None:
    pauses, news = Pauses(), asyncio.Event()
    pauses._next = 3600.0
    news.set()
    async with asyncio.timeout(20):
        await pauses.pause(unless=news)


async def test_what_answers_in_the_yards_place_is_not_believed() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n<p>Sign in</p>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(LinkDown, match="as a yard does"):
            await enrol(f"http://127.0.0.1:{port}", "w.m.ry_client_x", operations=["a:b"], os_image="x")
