"""What governing costs: a run read and started, an approval's way to the next action, runs that wait, long lists.

Baselines: a bare FastAPI and asyncpg route that does one select or one insert, called by the same client in the same
run; the first page of the same list; a worker with nothing to do.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvicorn
import uvloop
from fastapi import FastAPI, Request

from portarium_client import AuthenticatedClient
from portarium_client.api.runs import get_run, list_runs, start_run
from portarium_client.models import RunV1, StartRunRequest
from runyard.app import build_main_app
from runyard.database.embedded import EmbeddedPostgres
from runyard.jobs import Asked, JobContext, NewJob, Offer, Registration, Worker
from runyard.logs import configure_logs
from runyard.sandbox import probe
from runyard.services.runs import approvals, workflows
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows, starting
from runyard.services.runs.engine.executor import KIND, RunJob
from runyard.services.runs.engine.spec import Action, Spec
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.room import Room, open_room
from runyard.services.runs.words import Role
from runyard.testing.running import fresh_yard
from runyard.yard import Yard

ROUNDS = int(os.environ.get("ROUNDS", "300"))
RUNS = int(os.environ.get("RUNS", "100000"))
WAITING = int(os.environ.get("WAITING", "1000"))
SECONDS = 20.0
WORKSPACE = "ws-bench"


Work = Callable[[], Awaitable[object]]
Pair = tuple[float, float]


class Nothing(msgspec.Struct, frozen=True):
    """No input, no output."""


class Noop:
    """The executor of ``noop:do``; it notes when it begins."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[float] = asyncio.Queue()

    async def run(self, _ctx: JobContext) -> Mapping[str, object]:
        """Begin, and have done."""
        self.begun.put_nowait(time.perf_counter())
        return {}


async def _request(asked: Asked) -> NewJob:
    return NewJob(kind="bench.noop", owner=asked.owner, tenant=asked.tenant)


NOOP = Offer(operation="noop:do", title="Do nothing", input=Nothing, output=Nothing, request=_request)


def bare(pool: asyncpg.Pool) -> FastAPI:
    """One select, one insert, as one would write them without a yard."""
    app = FastAPI()

    @app.get("/v1/workspaces/{workspace}/runs/{run}")
    async def get(workspace: str, run: str) -> object:
        row = await pool.fetchrow("SELECT body FROM bare WHERE workspace = $1 AND id = $2", workspace, run)
        return row["body"]

    @app.post("/v1/workspaces/{workspace}/runs", status_code=201)
    async def post(workspace: str, request: Request) -> object:
        asked = await request.json()
        body = _body(workspace, asked["workflowId"])
        await pool.execute("INSERT INTO bare (workspace, id, body) VALUES ($1, $2, $3)", workspace, body["runId"], body)
        return body

    return app


def _body(workspace: str, workflow: str) -> dict[str, object]:
    return {
        "schemaVersion": 1, "runId": f"run-{uuid4().hex}", "workspaceId": workspace, "workflowId": workflow,
        "correlationId": "c", "executionTier": "Auto", "initiatedByUserId": "u", "status": "Pending",
        "createdAtIso": datetime.now(UTC).isoformat(),
    }  # fmt: skip


@contextmanager
def durable() -> Iterator[str]:
    """A database that keeps what it has said it keeps, as that of a yard does."""
    with tempfile.TemporaryDirectory(prefix="runyard-bench-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder))
        postgres.acquire()
        try:
            yield postgres.dsn
        finally:
            postgres.release()


@asynccontextmanager
async def served(app: object) -> AsyncIterator[str]:
    """The application on a free port, served as the yard is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, http="httptools")  # type: ignore[arg-type]
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def interleaved(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]]
) -> tuple[float, float]:
    """Medians of both, taken in turns so that neighbours on the machine disturb both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for work in (first, second):
        for _ in range(20):
            await work()
    for _ in range(ROUNDS):
        for place, work in enumerate((first, second)):
            start = time.perf_counter()
            await work()
            times[place].append(time.perf_counter() - start)
    return statistics.median(times[0]) * 1000, statistics.median(times[1]) * 1000


class World:
    """A workspace with a workflow for each need."""

    def __init__(self, yard: Yard, room: Room) -> None:
        self.yard = yard
        self.room = room
        self.starter = UUID(int=0)

    async def make(self) -> str:
        """Make it; a token of somebody who may start runs."""
        identity, now = self.yard.identity, self.yard.clock()

        async def work(connection):  # noqa: ANN001, ANN202
            await identity.workspaces.create(connection, WORKSPACE, "Bench", now=now)
            return await identity.workspace_users.add(
                connection, WORKSPACE, "bench@example.com", roles=[Role.ADMIN], now=now
            )

        user = await self.yard.database.transaction(work)
        self.starter = user.user_id
        member = await identity.members.member(WORKSPACE, user.user_id)
        assert member is not None
        number = (await identity.users.get(user.user_id)).number
        return (await identity.workspace_tokens.issue(member, number=number)).token

    def caller(self, user: UUID) -> Caller:
        """Somebody who may do everything."""
        return Caller(workspace=WORKSPACE, user=user, name="x", kind="user", roles=frozenset(Role), correlation_id="c")

    async def change(self, work):  # noqa: ANN001, ANN201
        """Change something in the transaction of the workspace's book."""

        async def inside(connection):  # noqa: ANN001, ANN202
            book = await self.room.ledger.open(connection, WORKSPACE)
            value = await work(connection, book)
            await book.close()
            return value

        return await self.yard.database.transaction(inside)

    async def workflow(self, name: str, tier: Tier, operation: str = "noop:do") -> str:
        """Save a workflow of one action."""
        action = Action(action_id="a", order=1, port_family="ComplianceGrc", operation=operation)
        spec = Spec(execution_tier=tier, actions=(action,))
        kept = await self.change(
            lambda connection, book: workflows.add(
                connection, WORKSPACE, name=name, description=None, spec=spec, by=self.starter, now=book.now
            )
        )
        return kept.id

    async def start(self, workflow: str) -> str:
        """Start a run."""
        started = await self.change(
            lambda connection, book: starting.start(
                self.room.engine, connection, book, self.caller(self.starter), workflow, parameters={}
            )
        )
        return started.run.id

    @asynccontextmanager
    async def working(self, noop: Noop) -> AsyncIterator[Worker]:
        """A worker that advances runs."""
        yard = self.yard
        worker = Worker(
            [Registration(KIND, RunJob(self.room.engine), "light"), Registration("bench.noop", noop, "light")],
            settings=yard.settings, store=yard.jobs, tails=yard.tails, artifacts=yard.artifacts,
            signals=yard.signals, sandbox=probe("none"),
        )  # fmt: skip
        ready = asyncio.Event()
        running = asyncio.create_task(worker.run(ready=ready.set))
        await ready.wait()
        try:
            yield worker
        finally:
            await worker.drain()
            await running

    async def pending(self, run: str) -> str:
        """The approval that a run waits for, once it does."""
        while True:
            found = await rows.whole(self.yard.database, run)
            assert found is not None
            for one in found.approvals:
                job = await self.yard.database.fetchval(
                    "SELECT state FROM jobs JOIN runs ON runs.job = jobs.id WHERE runs.id = $1", run
                )
                if one.status == "Pending" and job == "waiting":
                    return one.id
            await asyncio.sleep(0.005)


async def get_and_post(
    world: World, url: str, token: str, floor: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A run read and a run started through the generated client, and the same of the bare routes."""
    workflow = await world.workflow("Plain", Tier.AUTO)
    ask = StartRunRequest(workflow_id=workflow, input={"invoice_id": "inv-1", "amount": 5000})
    ours, theirs = (AuthenticatedClient(base_url=each, token=token) for each in (url, floor))

    async def post(client: AuthenticatedClient) -> RunV1:
        run = await start_run.asyncio(client=client, workspace_id=WORKSPACE, body=ask)
        assert isinstance(run, RunV1)
        return run

    mine, plain = (await post(ours)).run_id, (await post(theirs)).run_id

    async def get(client: AuthenticatedClient, run_id: str) -> None:
        run = await get_run.asyncio(client=client, workspace_id=WORKSPACE, run_id=run_id)
        assert isinstance(run, RunV1)

    gets = await interleaved(lambda: get(ours, mine), lambda: get(theirs, plain))
    posts = await interleaved(lambda: post(ours), lambda: post(theirs))
    return gets, posts


async def decisions(world: World) -> list[float]:
    """Milliseconds from a decision's request to the moment the next action's executor begins."""
    noop, times = Noop(), []
    workflow = await world.workflow("Gated", Tier.HUMAN_APPROVE)
    async with world.working(noop):
        for _ in range(60):
            run = await world.start(workflow)
            approval = await world.pending(run)
            start = time.perf_counter()
            await world.change(
                lambda connection, book, approval=approval: approvals.decide(
                    connection, book, world.caller(uuid4()), approval, decision="Approved", rationale="Fine.",
                    wake=world.room.engine.wake,
                )
            )  # fmt: skip
            times.append((await noop.begun.get() - start) * 1000)
    return times[10:]


async def waiting(world: World) -> tuple[float, float]:
    """Percent of a core that a worker uses with nothing to do, and with many runs that wait for approval."""
    workflow = await world.workflow("Waits", Tier.HUMAN_APPROVE)
    async with world.working(Noop()) as worker:
        await asyncio.sleep(2)
        idle = await _cpu(SECONDS)
        for _ in range(WAITING):
            await world.start(workflow)
        while await world.yard.database.fetchval(
            "SELECT count(*) FROM jobs WHERE kind = $1 AND state <> 'waiting' AND ended_at IS NULL", KIND
        ):
            await asyncio.sleep(0.1)
        assert worker.running == 0
        await asyncio.sleep(2)
        return idle, await _cpu(SECONDS)


async def _cpu(seconds: float) -> float:
    """Percent of a core that this process uses for so long."""
    before = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - before) / seconds * 100


async def pages(world: World, url: str, token: str) -> tuple[float, float]:
    """Milliseconds of the first page and of the last of a long list, over HTTP."""
    workflow = await world.workflow("Many", Tier.AUTO)
    await world.yard.database.execute(
        "INSERT INTO runs (id, workspace, workflow, workflow_version, job, status, tier, correlation_id, started_by,"
        " parameters, deadline, created_at, started_at, ended_at) SELECT 'run-' || md5(n::text), $1, $2, 1,"
        " gen_random_uuid(), 'Succeeded', 'Auto', 'c', $3, '{}', now() + interval '1 day',"
        " timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01' + n * interval '1 second',"
        " timestamptz '2026-01-02' + n * interval '1 second' FROM generate_series(1, $4) AS n",
        WORKSPACE, workflow, world.starter, RUNS,
    )  # fmt: skip
    await world.yard.database.execute("ANALYZE runs")
    client = AuthenticatedClient(base_url=url, token=token)
    cursor, last = None, None
    while True:
        options = {} if cursor is None else {"cursor": cursor}
        page = await list_runs.asyncio(client=client, workspace_id=WORKSPACE, limit=200, **options)
        if not page.next_cursor:  # type: ignore[union-attr]
            break
        last, cursor = cursor, page.next_cursor  # type: ignore[union-attr]

    async def read(cursor: object) -> None:
        options = {} if cursor is None else {"cursor": cursor}
        await list_runs.asyncio(client=client, workspace_id=WORKSPACE, limit=200, **options)

    return await interleaved(lambda: read(None), lambda: read(last))


async def main() -> None:
    """Measure all of it."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(durable())
        yard = await stack.enter_async_context(
            fresh_yard(url, runs_rate=1e6, runs_burst=1_000_000, log_level="warning")
        )
        configure_logs(yard.settings)
        room = await stack.enter_async_context(open_room(yard, [NOOP]))
        world = World(yard, room)
        token = await world.make()
        await yard.database.execute(
            "CREATE TABLE bare (workspace text, id text, body jsonb, PRIMARY KEY (workspace, id))"
        )
        ours = await stack.enter_async_context(served(build_main_app(yard, room)))
        floor = await stack.enter_async_context(served(bare(yard.database.pool)))
        gets, posts = await get_and_post(world, ours, token, floor)
        for name, (mine, plain) in (("GET run", gets), ("POST run", posts)):
            print(f"{name}: p50 {mine:.2f} ms, bare {plain:.2f} ms, ratio {mine / plain:.2f} (reach 2.5)")
        await yard.database.execute("DELETE FROM runs")
        await yard.database.execute("DELETE FROM jobs")
        await yard.database.execute("DELETE FROM pgqueuer")
        times = sorted(await decisions(world))
        p50 = times[len(times) // 2]
        print(f"decided -> next action begins: p50 {p50:.1f} ms, max {times[-1]:.1f} ms (reach p50 30 ms)")
        idle, held = await waiting(world)
        print(f"{WAITING} runs that wait: {held:.2f} % of a core, with none {idle:.2f} % (reach 1 %)")
        first, last = await pages(world, ours, token)
        print(f"page of 200 of {RUNS} runs: the last {last:.1f} ms, the first {first:.1f} ms", end=", ")
        print(f"ratio {last / first:.2f} (reach 1.5)")


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))  # as the yard is served
