"""Jobs, claims and workers for tests: real rows in the real database, and waits that end with an event or a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from runyard.jobs import Event, Executor, Job, JobContext, NewJob, Registration, State, Worker
from runyard.sandbox import probe
from runyard.testing.working import new_worker, working
from runyard.yard import Yard

DEADLINE = 60.0

Run = Callable[[JobContext], Awaitable[Mapping[str, object] | None]]


@dataclass(frozen=True)
class Calls:
    """An executor made of a function."""

    function: Run

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        return await self.function(ctx) or {}


@dataclass
class Bench:
    """What a test does to jobs, with an owner and a kind nobody else has."""

    yard: Yard
    owner: UUID = field(default_factory=uuid4)
    kind: str = field(default_factory=lambda: f"test.{uuid4().hex[:12]}")

    def new(self, **options: object) -> NewJob:
        values = {"kind": self.kind, "owner": self.owner, "tenant": f"user:{self.owner}", **options}
        return NewJob(**values)  # type: ignore[arg-type]

    async def submit(self, **options: object) -> Job:
        return await self.yard.jobs.submit(self.new(**options))

    async def entry(self, job: Job) -> int | None:
        return await self.yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", job.id)  # type: ignore[return-value]

    async def claim(self, job: Job) -> Job:
        """Start the job as a worker does that drew its present queue entry."""
        entry = await self.entry(job)
        assert entry is not None
        claimed = await self.yard.jobs.claim(job.id, entry)
        assert claimed is not None
        return claimed

    async def started(self, **options: object) -> Job:
        return await self.claim(await self.submit(**options))

    async def get(self, job: Job) -> Job:
        return await self.yard.jobs.get(job.id)

    async def append(self, job: Job, batch: int, *lines: bytes) -> int:
        now = self.yard.clock()
        return await self.yard.jobs.append(job.id, job.attempt, batch, [(now, "log", line) for line in lines])

    async def events(self, job: Job, after: int = 0) -> list[Event]:
        return [event async for event in self.yard.tails.events(await self.get(job), after)]

    async def states(self, job: Job) -> list[str]:
        return [str(event.data["state"]) for event in await self.events(job) if event.type == "state"]

    async def log(self, job: Job) -> bytes:
        return b"".join(event.body for event in await self.events(job) if event.type == "log")

    async def follow(self, job: Job, after: int = 0, *, idle: float = 5.0) -> list[Event]:
        """Every event up to the one that ends the job."""
        async with (
            asyncio.timeout(DEADLINE),
            aclosing(self.yard.tails.follow(job.id, after, idle=idle)) as events,
        ):
            return [event async for event in events if event is not None]

    async def until(self, job: Job, state: str) -> Job:
        """Wait for the job's event that says ``state``."""
        async with asyncio.timeout(DEADLINE), aclosing(self.yard.tails.follow(job.id, 0, idle=5.0)) as events:
            async for event in events:
                if event is not None and event.type == "state" and event.data["state"] == state:
                    return await self.get(job)
        raise AssertionError(f"the job ended without having been {state}")

    async def ended(self, job: Job) -> Job:
        """Wait for the job's end, and see that its log is whole: no gap, no double, one end (invariants 1 and 2)."""
        events = await self.follow(job)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.ends_job for event in events] == [False] * (len(events) - 1) + [True]
        now = await self.get(job)
        assert now.last_seq == len(events)
        assert now.state == State(str(events[-1].data["state"]))
        return now

    def worker(self, executor: Run | Executor, **settings: object) -> Worker:
        runs = executor if hasattr(executor, "run") else Calls(executor)  # type: ignore[arg-type]
        registration = Registration(self.kind, runs, "light")  # type: ignore[arg-type]
        return new_worker(self.yard, [registration], sandbox=probe("none"), **{"drain_seconds": 0.05, **settings})

    def working(self, executor: Run | Executor, **settings: object) -> AbstractAsyncContextManager[Worker]:
        """A worker that runs this bench's jobs, drained at the end."""
        return working(self.worker(executor, **settings))


@pytest.fixture
async def bench(parts: Yard) -> Bench:
    return Bench(parts)
