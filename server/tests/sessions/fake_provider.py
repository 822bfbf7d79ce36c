"""A provider of models on a socket of this machine that does what a test tells it, also wrong things.

It speaks OpenAI's protocol for conversations, streamed; and Anthropic's, for text.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Move = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request, and the way to answer it."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter
    gone: asyncio.Event

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} x", "connection: close", *(f"{name}: {value}" for name, value in headers.items())]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def write(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def event(self, data: Mapping[str, Any] | str) -> None:
        content = data if isinstance(data, str) else json.dumps(data)
        await self.write(f"data: {content}\n\n".encode())

    async def chunk(self, delta: Mapping[str, Any], *, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        await self.event(
            {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    async def usage(self, given: int, said: int) -> None:
        used = {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said}
        await self.event(
            {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": used}
        )


@dataclass
class FakeProvider:
    """Answers each request with the next move, and remembers what it was asked."""

    url: str = ""
    moves: deque[Move] = field(default_factory=deque)
    exchanges: list[Exchange] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def will(self, *moves: Move) -> None:
        """What comes next, and nothing else."""
        self.moves.clear()
        self.moves.extend(moves)
        self.asked.clear()

    def messages(self, at: int = -1) -> list[dict[str, Any]]:
        """The conversation of a request, without the system's."""
        return [one for one in self.exchanges[at].body["messages"] if one["role"] not in {"system", "developer"}]

    def results(self, at: int = -1) -> list[str]:
        """What the tools gave that a request tells of."""
        return [str(one["content"]) for one in self.messages(at) if one["role"] == "tool"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.Event()
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            exchange = Exchange(head[0].split()[1], headers, json.loads(body or b"{}"), writer, gone)
            self.exchanges.append(exchange)
            self.asked.set()
            watching = asyncio.create_task(_gone(reader, gone))
            try:
                move = self.moves.popleft() if self.moves else status(500, "the test has no more moves")
                await move(exchange)
            finally:
                watching.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _gone(reader: asyncio.StreamReader, gone: asyncio.Event) -> None:
    await reader.read()
    gone.set()


@asynccontextmanager
async def open_provider() -> AsyncIterator[FakeProvider]:
    provider = FakeProvider()
    server = await asyncio.start_server(provider._serve, "127.0.0.1", 0, limit=64 << 20)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        server.close()


# ---------------------------------------------------------------- moves


def says(*pieces: str, calls: Sequence[tuple[str, object]] = (), tokens: tuple[int, int] | None = (10, 5)) -> Move:
    """Text in pieces, then calls of tools. Arguments that aren't a dict are sent as they are."""

    async def move(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        for piece in pieces:
            await exchange.chunk({"role": "assistant", "content": piece})
        for at, (name, arguments) in enumerate(calls):
            content = json.dumps(arguments) if isinstance(arguments, dict) else str(arguments)
            half = len(content) // 2
            first = {
                "index": at,
                "id": f"id-{at}",
                "type": "function",
                "function": {"name": name, "arguments": content[:half]},
            }
            await exchange.chunk({"tool_calls": [first]})
            await exchange.chunk({"tool_calls": [{"index": at, "function": {"arguments": content[half:]}}]})
        await exchange.chunk({}, finish="tool_calls" if calls else "stop")
        if tokens is not None:
            await exchange.usage(*tokens)
        await exchange.event("[DONE]")

    return move


def calls(*wanted: tuple[str, object]) -> Move:
    """Calls of tools."""
    return says(calls=wanted)


def status(code: int, message: str, **headers: str) -> Move:
    """A refusal."""

    async def move(exchange: Exchange) -> None:
        body = json.dumps({"error": {"message": message, "type": "x", "code": "y"}}).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        await exchange.head(code, {"content-type": "application/json", "content-length": str(len(body)), **given})
        await exchange.write(body)

    return move


def breaks_off(*pieces: str) -> Move:
    """Some text, and then nothing more: the connection is closed."""

    async def move(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        for piece in pieces:
            await exchange.chunk({"role": "assistant", "content": piece})

    return move


def hangs(*pieces: str) -> Move:
    """Some text, and then silence until the other side goes away."""

    async def move(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        for piece in pieces:
            await exchange.chunk({"role": "assistant", "content": piece})
        await exchange.gone.wait()

    return move


def holds(event: asyncio.Event, move: Move) -> Move:
    """Nothing until the event is set, then another move."""

    async def patient(exchange: Exchange) -> None:
        await event.wait()
        await move(exchange)

    return patient


def answers(text: str) -> Move:
    """Text in one piece, for those who don't stream."""

    async def move(exchange: Exchange) -> None:
        body = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()
        await exchange.head(200, {"content-type": "application/json", "content-length": str(len(body))})
        await exchange.write(body)

    return move


def raw(content: bytes, *, content_type: str = "text/event-stream", code: int = 200) -> Move:
    """Whatever."""

    async def move(exchange: Exchange) -> None:
        await exchange.head(code, {"content-type": content_type})
        await exchange.write(content)

    return move


def speaks_anthropic(text: str) -> Move:
    """Text in Anthropic's protocol."""

    async def move(exchange: Exchange) -> None:
        await exchange.head(200, {"content-type": "text/event-stream"})
        usage = {"input_tokens": 7, "output_tokens": 1}
        start = {
            "id": "1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage,
            "stop_reason": None, "stop_sequence": None,
        }  # fmt: skip
        for kind, data in (
            ("message_start", {"message": start}),
            ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
            ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}}),
            ("content_block_stop", {"index": 0}),
            (
                "message_delta",
                {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 3}},
            ),
            ("message_stop", {}),
        ):
            await exchange.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())

    return move
