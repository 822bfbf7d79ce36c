"""What the face of sessions costs: create to the first event, get and list against a bare route, crowds of watchers.

Baseline of get and list: a bare FastAPI route that returns the very same data, behind the same server.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI

from runyard.identity import project_tenant
from runyard.jobs import JobContext, NewJob, Registration, Worker
from runyard.sandbox import probe
from runyard.services.sessions.order import Budget, Order, Repository
from runyard.services.sessions.words import KIND, Tells
from runyard.testing.running import RunningYard
from runyard.yard import Yard, open_yard

SESSIONS = 1000
PAGE = 50
ROUNDS = 400
CREATED = 60
WATCHED = 200
CROWD = 200
EVENTS = 10_000
PROJECT = "bench"


def show(what: str, values: list[float], baseline: float | None = None) -> float:
    middle, worst = statistics.median(values), sorted(values)[int(len(values) * 0.99)]
    ratio = f", {middle / baseline:.2f} x the baseline" if baseline else ""
    print(f"{what}: p50 {middle * 1000:.2f} ms, p99 {worst * 1000:.2f} ms{ratio}")
    return middle


def order(session: str, task: str = "Analyze the repository structure and provide a summary") -> NewJob:
    asked = Order(
        session=session, task=task, agent="embedded", model="claude-3.5-sonnet", notes=["The embedded agent does it."],
        repositories=[Repository(name="platform", url="https://github.com/ambient-code/platform", branch="main")],
        budget=Budget(seconds=600, turns=10, tokens=10_000), labels={"team": "core"}, user="ada",
    )  # fmt: skip
    return NewJob(
        kind=KIND, owner=UUID(int=7), tenant=project_tenant(PROJECT),
        params=cast("dict[str, object]", msgspec.to_builtins(asked)),
    )  # fmt: skip


async def fill(yard: Yard) -> tuple[str, str]:
    """A token of each kind."""
    user = await yard.identity.users.create("ada", email="ada@example.com")
    await yard.identity.projects.add(PROJECT, members={user.id: "member"})
    issued = await yard.identity.keys.issue(user.id, kind="openshift")
    return issued.secret.reveal(), await yard.identity.tokens.issue(user)


async def answer(ctx: JobContext) -> Mapping[str, object]:
    """A session that has done what the usual ones do."""
    name = cast("list[Any]", ctx.job.params["repositories"])[0]["name"]
    ready = {"name": name, "url": "https://github.com/ambient-code/platform", "branch": "main", "commit": "0" * 40}
    await ctx.emit(Tells.REPO, {**ready, "state": "ready"})
    await ctx.emit(Tells.USAGE, {"turns": 3, "inputTokens": 1000, "outputTokens": 200, "toolCalls": 4})
    await ctx.emit(Tells.SAID, {"role": "assistant", "content": "It is a platform."})
    return {"answer": "It is a platform. " * 40}


@asynccontextmanager
async def working(yard: RunningYard, run: Callable[[JobContext], Any]) -> AsyncIterator[Yard]:
    """A worker in this process, whose sessions do what is wanted."""

    class Script:
        async def run(self, ctx: JobContext) -> Mapping[str, object]:
            return cast("Mapping[str, object]", await run(ctx))

    async with open_yard(yard.settings, application="bench") as parts:
        worker = Worker(
            [Registration(KIND, Script())], settings=parts.settings, store=parts.jobs, tails=parts.tails,
            artifacts=parts.artifacts, signals=parts.signals, sandbox=probe("auto"),
        )  # fmt: skip
        ready = asyncio.Event()
        task = asyncio.create_task(worker.run(ready=ready.set))
        await ready.wait()
        yield parts
        await worker.drain()
        await task


async def prepare(yard: RunningYard) -> None:
    """A thousand sessions that have ended."""
    async with working(yard, answer) as parts:
        for number in range(SESSIONS):
            await parts.jobs.submit(order(f"session-{1_700_000_000 + number}-abcdef"))
        while await parts.database.fetchval("SELECT count(*) FROM jobs WHERE ended_at IS NULL"):
            await asyncio.sleep(0.2)
        await parts.database.execute("VACUUM ANALYZE jobs")  # as the database does by itself within a minute


@dataclass(slots=True)
class Target:
    """Something that is asked for on a connection of its own."""

    what: str
    url: str
    path: str
    headers: Mapping[str, str]
    seconds: list[float] = field(default_factory=list)
    body: bytes = b""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc)

    def ask(self) -> None:
        """Ask once."""
        start = time.perf_counter()
        self.connection.request("GET", self.path, headers=dict(self.headers))
        response = self.connection.getresponse()
        self.body = response.read()
        self.seconds.append(time.perf_counter() - start)
        assert response.status == 200, self.body


def _answers(content: object) -> Callable[[], Awaitable[object]]:
    async def route() -> object:
        return content

    return route


def bare(listener: socket.socket, bodies: Mapping[str, bytes]) -> None:
    app = FastAPI()
    for path, body in bodies.items():
        app.add_api_route(path, _answers(json.loads(body)))
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def reading(url: str, tokens: Mapping[str, str]) -> None:
    """Get and list, for both kinds of tokens, in turn with routes that only send the same data."""
    paths = {"get": "/v1/sessions/session-1700000500-abcdef", f"list, page of {PAGE}": f"/v1/sessions?limit={PAGE}"}
    targets = {
        (what, kind): Target(
            f"{what} of {SESSIONS} sessions, {kind}", url, path,
            {"Authorization": f"Bearer {token}", "X-Ambient-Project": PROJECT},
        )
        for what, path in paths.items()
        for kind, token in tokens.items()
    }  # fmt: skip
    for target in targets.values():
        target.ask()
    listener = socket.create_server(("127.0.0.1", 0))
    bodies = {f"/{number}": targets[what, next(iter(tokens))].body for number, what in enumerate(paths)}
    process = multiprocessing.get_context("fork").Process(target=bare, args=(listener, bodies), daemon=True)
    process.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    baselines = {what: Target(f"bare route, {what}", base, f"/{number}", {}) for number, what in enumerate(paths)}
    for _ in range(ROUNDS):
        for target in [*baselines.values(), *targets.values()]:
            target.ask()
    for what, baseline in baselines.items():
        middle = show(baseline.what, baseline.seconds[20:])
        for kind in tokens:
            show(targets[what, kind].what, targets[what, kind].seconds[20:], middle)
    process.kill()


def creating(url: str, headers: Mapping[str, str]) -> None:
    """From the request to the first event, and to the word that a worker has it."""
    first, running, created = [], [], []
    with httpx.Client(base_url=url, headers=headers, timeout=30.0) as client:
        for _ in range(CREATED):
            start = time.perf_counter()
            session = client.post("/v1/sessions", json={"task": "Hello world"}).json()["id"]
            created.append(time.perf_counter() - start)
            with client.stream("GET", f"/v1/sessions/{session}/events") as stream:
                for line in stream.iter_lines():
                    if line.startswith("data: "):
                        if len(first) < len(created):
                            first.append(time.perf_counter() - start)
                        if json.loads(line[6:]).get("status") == "running":
                            running.append(time.perf_counter() - start)
                            break
    show("create", created)
    show("create to the first event", first)
    show("create to the event that a worker has it", running)


async def beginning(yard: RunningYard, url: str, headers: Mapping[str, str]) -> None:
    """With a worker whose sessions cost nothing: an agent at work would be measured as well."""

    async def nothing(_ctx: JobContext) -> Mapping[str, object]:
        return {"answer": ""}

    async with working(yard, nothing):
        await asyncio.to_thread(creating, url, headers)


async def crowd(yard: RunningYard, headers: Mapping[str, str]) -> None:
    """Many sessions watched, one of them by many, while that one writes."""
    go = asyncio.Event()

    async def write(ctx: JobContext) -> Mapping[str, object]:
        await go.wait()
        if ctx.job.params["task"] == "write":
            for number in range(EVENTS):
                await ctx.emit(Tells.DELTA, {"content": str(number)})
        return {"answer": ""}

    async def watch(client: httpx.AsyncClient, session: str) -> list[str]:
        found = []
        async with client.stream("GET", f"/v1/sessions/{session}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    if event["type"] == "delta":
                        found.append(event["content"])
        return found

    url = yard.inferlets_url.replace("ws://", "http://")
    limits = httpx.Limits(max_connections=1000)
    async with working(yard, write) as parts:
        writer = "session-1800000000-abcdef"
        await parts.jobs.submit(order(writer, "write"))
        quiet = [f"session-{1_800_000_001 + number}-abcdef" for number in range(WATCHED - 1)]
        for session in quiet:
            await parts.jobs.submit(order(session, "quiet"))
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120.0, limits=limits) as client:
            watching = [asyncio.create_task(watch(client, session)) for session in [writer] * CROWD + quiet]
            await asyncio.sleep(3)
            start = time.perf_counter()
            go.set()
            streams = await asyncio.gather(*watching)
            took = time.perf_counter() - start
    assert all(one == [str(number) for number in range(EVENTS)] for one in streams[:CROWD])
    assert not any(streams[CROWD:])
    print(
        f"{WATCHED} sessions watched, one by {CROWD}, which writes {EVENTS} events: none lost or doubled,"
        f" {EVENTS * CROWD / took:.0f} events/s at the readers, which share a process with the writer ({took:.1f} s)"
    )


def main() -> None:
    settings = {"session_rate": "1000000", "session_burst": "1000000"}
    with RunningYard(settings=settings, worker=False) as yard:
        key, jwt = yard.inside(fill)
        url = yard.inferlets_url.replace("ws://", "http://")
        asyncio.run(prepare(yard))
        reading(url, {"key": key, "JWT": jwt})
        headers = {"Authorization": f"Bearer {key}", "X-Ambient-Project": PROJECT}
        asyncio.run(crowd(yard, headers))
        asyncio.run(beginning(yard, url, headers))


if __name__ == "__main__":
    main()
