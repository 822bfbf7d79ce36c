"""A git server, the sandbox of this machine, and jobs in whose place the test itself works."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from runyard.jobs import LOG, JobContext, NewJob, Registration
from runyard.sandbox import Sandbox, probe
from runyard.sandbox.scratch import remove
from runyard.services.sessions.order import Budget, Order, Repository
from runyard.services.sessions.repositories.facts import Kept
from runyard.services.sessions.workspace import Workspace, Workspaces
from runyard.testing.running import fresh_yard
from runyard.testing.working import new_worker, working
from runyard.yard import Yard

from .git_server import GitServer, serve_git

KIND = "session.test"
TENANT = "project:tests"
DEADLINE = 60.0


@dataclass(slots=True)
class Desk:
    """Opens workspaces for the test, each in a real job's name."""

    yard: Yard
    sandbox: Sandbox
    folder: Path
    git: GitServer
    started: dict[UUID, asyncio.Future[tuple[JobContext, asyncio.Event]]] = field(default_factory=dict)

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """The executor: the job lasts for as long as the test wants it to."""
        done = asyncio.Event()
        self._starting(ctx.job.id).set_result((ctx, done))
        await done.wait()
        return {}

    @asynccontextmanager
    async def job(self) -> AsyncIterator[JobContext]:
        """A job that runs."""
        number = uuid4()
        job = await self.yard.jobs.submit(NewJob(kind=KIND, owner=number, tenant=TENANT))
        async with asyncio.timeout(DEADLINE):
            ctx, done = await self._starting(job.id)
        try:
            yield ctx
        finally:
            done.set()

    def _starting(self, job: UUID) -> asyncio.Future[tuple[JobContext, asyncio.Event]]:
        return self.started.setdefault(job, asyncio.get_running_loop().create_future())

    def workspaces(self, **changes: object) -> Workspaces:
        """Where the yard has other settings."""
        known = {"session_hosts": self.git.host, **changes}
        yard = replace(self.yard, settings=self.yard.settings.model_copy(update=known))
        return Workspaces(yard, self.sandbox, self.folder)

    @asynccontextmanager
    async def open(
        self, *names: str | Repository, ctx: JobContext | None = None, kept: Kept | None = None, **changes: object
    ) -> AsyncIterator[Workspace]:
        """A workspace with these repositories of the git server."""
        order = order_of(*(self.repository(name) if isinstance(name, str) else name for name in names))
        async with AsyncExitStack() as stack:
            ctx = ctx or await stack.enter_async_context(self.job())
            yield await stack.enter_async_context(self.workspaces(**changes).open(ctx, order, kept))

    def repository(self, name: str, **more: str) -> Repository:
        """One of the git server's."""
        return Repository(**{"name": name, "url": self.git.address(name), **more})

    async def told(self, ctx: JobContext, kind: str) -> list[dict[str, object]]:
        """The job's events of a type."""
        await ctx.flush()
        events = await self.yard.jobs.events(ctx.job.id, 0, limit=1000)
        return [event.data for event in events if event.type == kind]

    async def printed(self, ctx: JobContext) -> str:
        """The job's log."""
        await ctx.flush()
        events = await self.yard.jobs.events(ctx.job.id, 0, limit=1000)
        return b"".join(event.body for event in events if event.type == LOG).decode()

    async def file(self, ctx: JobContext, name: str) -> bytes:
        """One of the job's files."""
        found = await self.yard.artifacts.find(ctx.job.id, name)
        return b"".join([piece async for piece in self.yard.artifacts.read(found.digest)])


def order_of(*repositories: Repository) -> Order:
    """A session on these."""
    budget = Budget(seconds=60, turns=10, tokens=1000)
    return Order(session="session-1-abcdef", task="Look", agent="x", repositories=repositories, budget=budget)


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return probe("auto")


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    with serve_git(folder) as server:
        yield server


@pytest.fixture(scope="session")
async def one_desk(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Desk]:
    folder = Path(tempfile.mkdtemp(prefix="runyard-sessions-"))
    async with fresh_yard(yard_database) as yard:
        desk = Desk(yard, sandbox, folder, GitServer(folder))
        async with working(new_worker(yard, [Registration(KIND, desk)], sandbox=sandbox)):
            yield desk
    remove(folder)


@pytest.fixture
async def desk(one_desk: Desk, git_server: GitServer) -> Desk:
    """A worker for all tests, and a git server for each."""
    return replace(one_desk, git=git_server)
