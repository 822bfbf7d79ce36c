"""The `ci` service's face on a real socket, over the embedded Postgres, with a worker whose executor the test writes."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from runyard.jobs import Executor, Job, JobContext, Registration, Worker
from runyard.services.ci import api
from runyard.services.ci.words import KIND
from runyard.settings import Settings
from runyard.testing.serving import served
from runyard.testing.working import new_worker, working
from runyard.web.requests import RequestIds
from runyard.yard import Yard, open_yard

DEADLINE = 30.0

Script = Callable[[JobContext], Awaitable[Mapping[str, object]]]


@pytest.fixture(scope="session")
def ground(yard_database: str) -> Iterator[Settings]:
    """What the yards of a session have in common: a folder and a database."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-ci-", dir="/tmp"))
    folder.chmod(0o711)
    yield Settings(data_dir=folder, database_url=SecretStr(yard_database))
    shutil.rmtree(folder, ignore_errors=True)


class Clock:
    """The real time, moved on by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key."""

    id: UUID
    email: str
    key: str
    key_id: UUID
    client: httpx.AsyncClient

    async def submit(self, package: bytes = b"PK", **fields: object) -> str:
        """Queue a package and return the job's id."""
        answer = await self.client.post("/submit-async", **form(package, **fields))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])


def form(
    package: bytes | None = b"PK",
    *,
    options: object = None,
    digest: str | None = None,
    key: str | None = None,
) -> dict:
    """The keyword arguments of a submitting request."""
    fields = {}
    if options is not None:
        fields["options"] = options if isinstance(options, str) else json.dumps(options)
    if digest is not None:
        fields["digest"] = digest
    files = [(name, (None, text)) for name, text in fields.items()]
    if package is not None:
        files.append(("file", ("project.zip", package, "application/zip")))
    return {"files": files, "headers": {} if key is None else {"Idempotency-Key": key}}


@dataclass(slots=True)
class House:
    """A yard with the service's face, and what a test does to them."""

    yard: Yard
    url: str
    clock: Clock
    server: uvicorn.Server
    stack: AsyncExitStack
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=DEADLINE, trust_env=False, verify=False)
        self.clients.append(client)
        return client

    async def caller(self, name: str = "ada") -> Caller:
        email = f"{name}-{uuid4().hex[:6]}@example.com"
        user = await self.yard.identity.users.create(name, email=email)
        issued = await self.yard.identity.keys.issue(user.id, name="laptop", kind="ci")
        key = issued.secret.reveal()
        return Caller(user.id, email, key, issued.key.id, self.client(key))

    async def work(self, script: Script | Executor, **changes: object) -> Worker:
        """Start a worker that runs test jobs as ``script`` says."""
        executor = script if hasattr(script, "run") else _Scripted(script)
        worker = new_worker(self.yard, [Registration(KIND, executor)], **changes)
        return await self.stack.enter_async_context(working(worker))

    async def leave(self) -> None:
        """Hang up."""
        for client in self.clients:
            await client.aclose()

    async def ended(self, job: str) -> Job:
        """The job, once it has ended."""
        async with asyncio.timeout(DEADLINE):
            async for event in self.yard.tails.follow(UUID(job), 0, idle=1.0):
                if event is not None and event.ends_job:
                    break
        return await self.yard.jobs.get(UUID(job))

    async def reached(self, job: str, seq: int) -> None:
        """Wait until the job's log has event ``seq``."""
        async with asyncio.timeout(DEADLINE):
            async for event in self.yard.tails.follow(UUID(job), seq - 1, idle=1.0):
                if event is not None:
                    return


class _Scripted:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        return await self._script(ctx)


@asynccontextmanager
async def open_house(ground: Settings, **changes: object) -> AsyncGenerator[House]:
    """A yard in a schema of its own, served on a free port."""
    settings = ground.model_copy(
        update={
            "database_schema": f"ci_{uuid4().hex[:12]}",
            "artifacts_url": f"file://{ground.data_dir / uuid4().hex}",
            "drain_seconds": 0.2,
            **changes,
        }
    )
    clock = Clock()
    async with AsyncExitStack() as stack:
        yard = await stack.enter_async_context(open_yard(settings, application="ci tests", clock=clock))
        app = FastAPI()
        app.add_middleware(RequestIds)
        app.include_router(api.router(yard))
        url, server = await stack.enter_async_context(served(app, yard))
        house = House(yard, url, clock, server, stack)
        yield house
        await house.leave()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_house(ground: Settings) -> AsyncIterator[House]:
    async with open_house(ground) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def house(shared_house: House) -> AsyncIterator[House]:
    """An empty house; opening one takes longer than most tests, so they share it."""
    for table in ("jobs", "events", "pgqueuer", "users", "projects"):
        await shared_house.yard.database.execute(f"DELETE FROM {table}")
    shared_house.clock.ahead = timedelta()
    async with AsyncExitStack() as stack:
        house = replace(shared_house, stack=stack, clients=[])
        yield house
        await house.leave()


@pytest_asyncio.fixture(loop_scope="session")
async def ada(house: House) -> Caller:
    return await house.caller("ada")


@pytest_asyncio.fixture(loop_scope="session")
async def bob(house: House) -> Caller:
    return await house.caller("bob")


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A package with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


async def sse(client: httpx.AsyncClient, path: str, **options: object) -> list[dict]:
    """The events of a stream, read to its end."""
    async with client.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        return parse_sse(await answer.aread())


def parse_sse(body: bytes) -> list[dict]:
    """The ``data`` of every event, and its ``cursor``."""
    events = []
    for block in body.decode("ascii").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append({**json.loads(fields["data"]), "cursor": fields.get("id")})
    return events
