"""The service's face on a real socket, over the embedded Postgres, with a worker whose executor the test writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn

from runyard.app import build_sessions_app
from runyard.jobs import Event, Job, JobContext, Registration
from runyard.services.sessions.room import Room, open_room
from runyard.services.sessions.words import KIND
from runyard.testing.running import fresh_yard
from runyard.testing.serving import served
from runyard.testing.working import new_worker, working
from runyard.yard import Yard

DEADLINE = 30.0
TASK = "Analyze the repository structure and provide a summary"

Script = Callable[[JobContext], Awaitable[Mapping[str, object]]]
Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token, about a project."""

    house: House
    id: UUID
    name: str
    project: str
    client: httpx.AsyncClient

    async def create(self, task: str = TASK, *, key: str | None = None, **more: object) -> str:
        """Queue a session and return its id."""
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.client.post("/v1/sessions", json={"task": task, **more}, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def get(self, path: str, **params: object) -> Record:
        answer = await self.client.get(f"/v1/sessions/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object = None, *, status: int = 202) -> Record:
        answer = await self.client.post(f"/v1/sessions/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def events(self, session: str, *, after: int | str = 0) -> list[Record]:
        """All events to the end of the stream."""
        async with self.client.stream("GET", f"/v1/sessions/{session}/events", params={"after": after}) as answer:
            assert answer.status_code == 200, await answer.aread()
            return parse_sse(await answer.aread())


@dataclass(slots=True)
class House:
    """A yard with the service's face, and what a test does to them."""

    yard: Yard
    room: Room
    url: str
    server: uvicorn.Server
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=DEADLINE, trust_env=False, verify=False)
        self.stack.push_async_callback(client.aclose)
        return client

    async def caller(self, name: str = "ada", *, project: str | None = None) -> Caller:
        """Somebody in a project; a new one by default."""
        project = project or f"lab-{uuid4().hex[:8]}"
        identity = self.yard.identity
        user = await identity.users.create(name, email=f"{name}-{uuid4().hex[:8]}@example.com")
        await identity.projects.add(project, members={user.id: "member"})
        token = (await identity.keys.issue(user.id, kind="openshift")).secret.reveal()
        headers = {"Authorization": f"Bearer {token}", "X-Ambient-Project": project}
        return Caller(self, user.id, name, project, self.client(**headers))

    async def work(self, script: Script) -> None:
        """Run sessions as ``script`` says, until the test is over."""
        worker = new_worker(self.yard, [Registration(KIND, _Scripted(script))])
        await self.stack.enter_async_context(working(worker))

    async def job(self, session: str) -> Job:
        row = await self.yard.database.fetchval("SELECT id FROM jobs WHERE params->>'session' = $1", session)
        return await self.yard.jobs.get(row)

    async def reached(self, session: str, found: Callable[[Event], bool]) -> Event:
        """The first event of a session's job that is the one, once there is one."""
        job = await self.job(session)
        async with asyncio.timeout(DEADLINE), aclosing(self.yard.tails.follow(job.id, 0, idle=1.0)) as events:
            async for event in events:
                if event is not None and found(event):
                    return event
        raise AssertionError("the session ended without it")

    async def ended(self, session: str) -> Job:
        await self.reached(session, lambda event: event.ends_job)
        return await self.job(session)


class _Scripted:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        return await self._script(ctx)


@asynccontextmanager
async def open_house(database: str, **settings: object) -> AsyncGenerator[House]:
    """A yard in a schema of its own, served on a free port."""
    async with AsyncExitStack() as stack:
        yard = await stack.enter_async_context(fresh_yard(database, drain_seconds=0.2, **settings))
        room = await open_room(yard)
        url, server = await stack.enter_async_context(served(build_sessions_app(room), yard))
        house = House(yard, room, url, server)
        async with house.stack:
            yield house


@pytest.fixture(scope="session")
async def shared_house(yard_database: str) -> AsyncIterator[House]:
    async with open_house(yard_database) as house:
        yield house


@pytest.fixture
async def house(shared_house: House) -> AsyncIterator[House]:
    """One house for all tests, which keep apart by projects; jobs that nobody has run are gone at the end."""
    house = House(shared_house.yard, shared_house.room, shared_house.url, shared_house.server)
    async with house.stack:
        yield house
    for table in ("jobs", "events", "pgqueuer"):
        await house.yard.database.execute(f"DELETE FROM {table}")


@pytest.fixture
async def ada(house: House) -> Caller:
    return await house.caller("ada")


def parse_sse(body: bytes) -> list[Record]:
    """The events of a stream. What their head says of them has to be what their data says."""
    events = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            event = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(event["seq"]), event["type"])
            events.append(event)
    return events
