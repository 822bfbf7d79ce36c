"""What happens in a workspace, as it happens: CloudEvents in their order, none missed and none twice."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from . import errors
from .client import AuthenticatedClient

HEARTBEAT = 30.0
"""Seconds after which the server says something, if only that it is there."""

SILENCE = 3 * HEARTBEAT

PATIENCE = 30.0
"""Seconds in which a server has to be reached for the first time. One that was there is waited for."""

LONGEST_WAIT = 15.0
"""Seconds between two tries to reach a server that is gone."""


@dataclass(frozen=True)
class Event:
    """Something that happened. ``body`` is the whole CloudEvent; ``cursor`` is where the stream goes on after it."""

    cursor: str
    type: str
    subject: str
    time: str
    data: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def run_id(self) -> str | None:
        """The run that it is about, if it is about one."""
        found = self.body.get("runid")
        return None if found is None else str(found)


def iter_events(client: AuthenticatedClient, workspace_id: str, *, after: str | None = None) -> Iterator[Event]:
    """The events of a workspace, for ever. A connection that breaks is made again, and nothing is lost by it.

    Args:
        client: who asks.
        workspace_id: where.
        after: the ``cursor`` of the last event that is known; from now on, without.

    Raises:
        errors.ApiError: the server says no.
        httpx.TransportError: nobody is there to begin with. Whoever was there is waited for.
    """
    return (event for event in watch(client, workspace_id, after=after) if event is not None)


async def aiter_events(
    client: AuthenticatedClient, workspace_id: str, *, after: str | None = None
) -> AsyncIterator[Event]:
    """The events of a workspace, for ever; see :func:`iter_events`."""
    async for event in watch_async(client, workspace_id, after=after):
        if event is not None:
            yield event


def watch(
    client: AuthenticatedClient, workspace_id: str, *, after: str | None = None, until: float | None = None
) -> Iterator[Event | None]:
    """The same, with None whenever the stream has begun: what happened before that has to be asked for.

    Args:
        client: who asks.
        workspace_id: where.
        after: the ``cursor`` of the last event that is known.
        until: when to end, as ``time.monotonic`` counts.
    """
    stream = _Stream(workspace_id, after, until)
    http = client.get_httpx_client()
    while stream.left > 0:
        try:
            with http.stream("GET", stream.url, headers=stream.headers, timeout=stream.timeout) as response:
                if response.status_code != 200:
                    response.read()
                if stream.opened(response):
                    yield None
                    for line in response.iter_lines():
                        if (event := stream.feed(line)) is not None:
                            yield event
                        if stream.left < HEARTBEAT:
                            break  # what is left is less than the connection would wait
        except httpx.TransportError:
            if stream.hopeless:
                raise
        time.sleep(min(stream.wait(), max(stream.left, 0.0)))


async def watch_async(
    client: AuthenticatedClient, workspace_id: str, *, after: str | None = None
) -> AsyncIterator[Event | None]:
    """The same without blocking; see :func:`watch`."""
    stream = _Stream(workspace_id, after, None)
    http = client.get_async_httpx_client()
    while True:
        try:
            async with http.stream("GET", stream.url, headers=stream.headers, timeout=stream.timeout) as response:
                if response.status_code != 200:
                    await response.aread()
                if stream.opened(response):
                    yield None
                    async for line in response.aiter_lines():
                        if (event := stream.feed(line)) is not None:
                            yield event
        except httpx.TransportError:
            if stream.hopeless:
                raise
        await asyncio.sleep(stream.wait())


class _Stream:
    """Reads server-sent events, without reading from a connection."""

    def __init__(self, workspace_id: str, after: str | None, until: float | None) -> None:
        self.url = f"/v1/workspaces/{quote(workspace_id, safe='')}/events:stream"
        self._cursor = after
        self._until = until
        self._failures = 0
        self._give_up: float | None = time.monotonic() + PATIENCE
        self._id = ""
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """Of the next request."""
        wanted = {"Accept": "text/event-stream"}
        return wanted if self._cursor is None else {**wanted, "Last-Event-ID": self._cursor}

    @property
    def left(self) -> float:
        """Seconds before the end."""
        return math.inf if self._until is None else self._until - time.monotonic()

    @property
    def hopeless(self) -> bool:
        """Whether nobody was ever there, and it was tried for long enough."""
        return self._give_up is not None and time.monotonic() >= self._give_up

    @property
    def timeout(self) -> httpx.Timeout:
        """Of the next request."""
        return httpx.Timeout(max(min(SILENCE, self.left), 0.001), connect=max(min(10.0, self.left), 0.001))

    def opened(self, response: httpx.Response) -> bool:
        """Whether an answer is the stream; if not, but that can pass, it is tried again."""
        self._id, self._data = "", []
        if response.status_code == 200:
            self._failures = 0
            self._give_up = None
            return True
        if response.status_code in {429, 502, 503, 504}:
            return False
        raise errors.of(response.status_code, errors.problem(response), response.headers)

    def feed(self, line: str) -> Event | None:
        """Take a line; return the event that it ends."""
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                self._id = value
            elif field == "data":
                self._data.append(value)
            return None
        data, self._data = "\n".join(self._data), []
        if self._id:
            self._cursor = self._id
        if not data:
            return None
        body = json.loads(data)
        return Event(
            cursor=self._id,
            type=str(body.get("type", "")),
            subject=str(body.get("subject", "")),
            time=str(body.get("time", "")),
            data=body.get("data") or {},
            body=body,
        )

    def wait(self) -> float:
        """Seconds before the next try."""
        self._failures += 1
        return min(0.1 * 2.0**self._failures, LONGEST_WAIT)
