"""Offers a server's installed programs as tools to AI agents, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from mcp import MCPError, stdio_server
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from ._program import is_digest
from ._toml import parse
from ._version import VERSION
from .client import PieClient
from .errors import DeadlineExceeded, PieError, ProtocolError
from .events import Event
from .instance import Instance

_LONGEST_NAME: Final = 64
_TYPES: Final = {"string": "string", "int": "integer", "integer": "integer", "float": "number", "bool": "boolean"}
_ARGUMENTS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "The program's arguments.",
}
_MESSAGE: Final = {"type": "string", "description": "A message for the program, sent once it runs."}


@dataclass(frozen=True, slots=True)
class Offer:
    """A program as a tool.

    Attributes:
        tool: how the agent sees it.
        program: what to launch it by.
        inputs: the inputs that its manifest names; they become `--name value`.
    """

    tool: Tool
    program: str
    inputs: tuple[str, ...]


async def serve_stdio(client: PieClient, *, timeout: float = 300.0) -> None:
    """Serve an agent over stdin and stdout, until it closes them.

    Args:
        client: a client that has signed in.
        timeout: seconds that a program may take.
    """
    server = bridge(client, timeout=timeout)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def bridge(client: PieClient, *, timeout: float = 300.0) -> Server[dict[str, object]]:
    """The bridge, for any transport of the `mcp` package.

    Args:
        client: a client that has signed in.
        timeout: seconds that a program may take.
    """
    catalogue = _Catalogue(client)

    async def list_tools(
        context: ServerRequestContext[dict[str, object]], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        del context, params
        return ListToolsResult(tools=[offer.tool for offer in (await catalogue.offers()).values()])

    async def call_tool(
        context: ServerRequestContext[dict[str, object]], params: CallToolRequestParams
    ) -> CallToolResult:
        offer = (await catalogue.offers()).get(params.name)
        if offer is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}: the program may have been removed")
        return await _run(client, offer, cast("dict[str, object]", params.arguments or {}), context, timeout)

    return Server(
        "pie",
        version=VERSION,
        instructions="Each tool is a WebAssembly program on a server; calling it runs the program to its end.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _run(
    client: PieClient,
    offer: Offer,
    given: Mapping[str, object],
    context: ServerRequestContext[dict[str, object]],
    timeout: float,
) -> CallToolResult:
    try:
        instance = await client.launch_instance(offer.program, list(_arguments(offer, given)))
    except PieError as error:
        return _result(str(error), failed=True)
    try:
        message = given.get("message")
        if isinstance(message, str) and "message" not in offer.inputs:
            await instance.send(message)
        return await asyncio.wait_for(_collect(instance, context), timeout)
    except (asyncio.TimeoutError, DeadlineExceeded):
        return _result(f"The program took longer than {timeout:g} s and was ended.", failed=True)
    except PieError as error:
        return _result(str(error), failed=True)
    finally:
        if instance.exit is None and instance.attached:
            await _end(instance)


async def _collect(instance: Instance, context: ServerRequestContext[dict[str, object]]) -> CallToolResult:
    said = _Transcript()
    async for event, content in instance:
        said.add(event, content)
        if event is Event.Message:
            await context.session.report_progress(said.messages, message=str(content))
        if event.terminal:
            return _result(said.text(), failed=event is not Event.Completed)
    return _result(said.text(), failed=True)


async def _end(instance: Instance) -> None:
    """Leave nothing running that nobody waits for. The agent has its answer: failures here are nobody's."""
    try:
        await instance.terminate(timeout=5)
    except PieError:
        return


@dataclass(slots=True)
class _Transcript:
    """What a program said, as one text: its return value if it has one, else its messages and its output."""

    parts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    returned: str = ""
    messages: int = 0

    def add(self, event: Event, content: str | bytes) -> None:
        if isinstance(content, bytes):
            self.parts.append(f"[a blob of {len(content)} bytes]\n")
        elif event is Event.Stderr:
            self.errors.append(content)
        elif event is Event.Stdout:
            self.parts.append(content)
        elif event is Event.Message:
            self.messages += 1
            self.parts.append(f"{content}\n")
        elif event is Event.Completed:
            self.returned = content
        else:
            self.errors.append(f"{event.name}: {content}")

    def text(self) -> str:
        return "".join([*self.parts, self.returned, *(f"\n{text}" for text in self.errors)]).strip()


def _result(text: str, *, failed: bool) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=failed)


def _arguments(offer: Offer, given: Mapping[str, object]) -> Iterator[str]:
    """The program's arguments: those of the manifest by name, or else a plain list."""
    for name in offer.inputs:
        value = given.get(name)
        if value is not None:
            yield f"--{name}"
            yield str(value).lower() if isinstance(value, bool) else str(value)
    plain = given.get("arguments")
    if isinstance(plain, list) and "arguments" not in offer.inputs:
        yield from (str(argument) for argument in cast("list[object]", plain))


# What is offered.


class _Catalogue:
    """The installed programs. A manifest is asked for once an upload, not once a call."""

    def __init__(self, client: PieClient) -> None:
        self._client = client
        self._manifests: dict[tuple[str, str], Mapping[str, object]] = {}

    async def offers(self) -> dict[str, Offer]:
        """The programs that have a name, by the names of their tools."""
        offers: dict[str, Offer] = {}
        kept: dict[tuple[str, str], Mapping[str, object]] = {}
        for program in _list(await self._client.programs()):
            reference = _text(program, "name")
            if not reference or is_digest(reference):
                continue
            upload = reference, _text(program, "uploaded_at")
            kept[upload] = self._manifests.get(upload) or await self._manifest(reference)
            short = _tool_name(reference.partition("@")[0])
            name = short if short not in offers else _tool_name(reference)
            offers[name] = _offer(name, reference, kept[upload])
        self._manifests = kept
        return offers

    async def _manifest(self, reference: str) -> Mapping[str, object]:
        try:
            return parse(_text(_map(await self._client.program(reference)), "manifest"))
        except ValueError as error:
            raise ProtocolError(f"The manifest of {reference!r} is no TOML: {error}") from error


def _offer(tool_name: str, reference: str, manifest: Mapping[str, object]) -> Offer:
    inputs = _list(_map(manifest, "interface").get("inputs", []))
    properties: dict[str, object] = {
        _text(one, "name"): {
            "type": _TYPES.get(_text(one, "type"), "string"),
            "description": _text(one, "description"),
        }
        for one in inputs
        if _text(one, "name")
    }
    names = tuple(properties)
    required = [_text(one, "name") for one in inputs if _text(one, "name") and one.get("optional") is not True]
    if not names:
        properties = {"arguments": _ARGUMENTS, "message": _MESSAGE}
    description = _text(_map(manifest, "package"), "description") or f"The program {reference}."
    schema: dict[str, object] = {"type": "object", "properties": properties, "required": required}
    return Offer(Tool(name=tool_name, description=description, input_schema=schema), reference, names)


def _tool_name(reference: str) -> str:
    """The name as agents allow it: letters, digits, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", reference)[:_LONGEST_NAME]


def _list(answer: object) -> list[Mapping[str, object]]:
    if not isinstance(answer, list):
        raise ProtocolError(f"The server's list is none: {answer!r:.80}")
    return [_map(item) for item in cast("list[object]", answer)]


def _map(answer: object, name: str | None = None) -> Mapping[str, object]:
    """A JSON object, or the one under a name in it; empty where there is none."""
    if not isinstance(answer, Mapping):
        return {}
    known = cast("Mapping[str, object]", answer)
    return known if name is None else _map(known.get(name))


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
