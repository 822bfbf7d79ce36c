"""How fast a job goes through the yard, against a bare PgQueuer on the same database in the same run.

    .venv/bin/python benchmarks/bench_jobs.py [--jobs 2000] [--samples 300]

The yard writes a job, three events and two state changes that the bare queue doesn't;
the ratio is what they cost.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import structlog
import uvloop
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job as Entry
from pgqueuer.queries import Queries

from runyard.jobs import JobContext, NewJob, Registration, Worker
from runyard.sandbox import probe
from runyard.settings import Settings
from runyard.testing.working import new_worker, working
from runyard.yard import Yard, open_yard

KIND = "bench.noop"
SUBMITTERS = 16
DEADLINE = 300.0


class Noop:
    """Notes when it started, and is done."""

    def __init__(self) -> None:
        self.started: dict[UUID, float] = {}

    async def run(self, ctx: JobContext) -> dict[str, object]:
        """Note the time."""
        self.started[ctx.job.id] = time.perf_counter()
        return {}


def at_work(yard: Yard, executor: Noop) -> AbstractAsyncContextManager[Worker]:
    """One worker in this process."""
    return working(new_worker(yard, [Registration(KIND, executor, "light")], sandbox=probe("none")))


async def worker_process(data_dir: Path) -> None:
    """A worker in a process of its own, until its standard input ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with (
        open_yard(Settings(data_dir=data_dir), application="bench worker") as yard,
        at_work(yard, Noop()),
    ):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def latency(yard: Yard, samples: int) -> list[tuple[float, float]]:
    """Seconds from submit to start and from submit to the terminal event read back, one job at a time."""
    executor, measured = Noop(), []
    async with at_work(yard, executor):
        for _ in range(samples + 20):
            asked = time.perf_counter()
            job = await yard.jobs.submit(new_job())
            async for _event in yard.tails.follow(job.id, 0, idle=5.0):
                pass
            measured.append((executor.started[job.id] - asked, time.perf_counter() - asked))
    return measured[20:]


async def throughput(yard: Yard, jobs: int) -> tuple[float, float]:
    """Jobs per second: submitted here, and ended by one worker process while they are submitted."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "--worker",
        str(yard.settings.data_dir),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    began = time.perf_counter()
    await many(jobs, lambda: yard.jobs.submit(new_job()))
    submitted = time.perf_counter()
    async with asyncio.timeout(DEADLINE):
        while await yard.database.fetchval("SELECT EXISTS (SELECT FROM jobs WHERE ended_at IS NULL)"):
            await asyncio.sleep(0.02)
    ended = time.perf_counter()
    process.stdin.close()
    await process.wait()
    return jobs / (submitted - began), jobs / (ended - began)


async def bare_queue(yard: Yard, jobs: int) -> float:
    """Jobs per second through PgQueuer alone: enqueue, handler, done."""
    left, done = jobs, asyncio.Event()
    connection = await yard.database.connect()
    lane = QueueManager(Queries.from_asyncpg_connection(connection))

    @lane.entrypoint("bench.bare")
    async def handle(_: Entry) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    running = asyncio.create_task(
        lane.run(batch_size=50, max_concurrent_tasks=200, dequeue_timeout=timedelta(seconds=2))
    )
    pool = yard.database.pool

    async def enqueue() -> None:
        async with pool.acquire() as own:
            await Queries.from_asyncpg_connection(own).enqueue("bench.bare", b"x")  # type: ignore[arg-type]

    began = time.perf_counter()
    await many(jobs, enqueue)
    async with asyncio.timeout(DEADLINE):
        await done.wait()
    took = time.perf_counter() - began
    lane.shutdown.set()
    await running
    await connection.close()
    return jobs / took


async def fsyncs(folder: Path) -> float:
    """Syncs per second of the disk: what no durable commit can beat."""

    def sync() -> float:
        with (folder / "probe").open("wb") as file:
            began = time.perf_counter()
            for _ in range(200):
                file.write(b"x" * 512)
                file.flush()
                os.fsync(file.fileno())
            return 200 / (time.perf_counter() - began)

    return await asyncio.to_thread(sync)


async def many(count: int, one: Callable[[], object]) -> None:
    """Do it ``count`` times, by a few at once."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await one()  # type: ignore[misc]

    await asyncio.gather(*(some() for _ in range(SUBMITTERS)))


def new_job() -> NewJob:
    return NewJob(kind=KIND, owner=OWNER, tenant=f"user:{OWNER}")


OWNER = uuid4()


def milliseconds(values: list[float]) -> str:
    ordered = sorted(values)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1000:6.2f} ms   p99 {p99 * 1000:6.2f} ms"


async def main(jobs: int, samples: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path(tempfile.mkdtemp(prefix="runyard-bench-"))
    folder.chmod(0o711)
    try:
        async with open_yard(Settings(data_dir=folder), application="bench") as yard:
            print(f"disk                 {await fsyncs(folder):8.0f} syncs a second")
            bare = await bare_queue(yard, jobs)
            print(f"bare PgQueuer        {bare:8.0f} jobs a second (baseline)")
            submits, whole = await throughput(yard, jobs)
            print(f"submit alone         {submits:8.0f} jobs a second")
            print(
                f"whole path           {whole:8.0f} jobs a second, {whole / bare:.2f} of the baseline (to reach: 500)"
            )
            measured = await latency(yard, samples)
            starts, ends = [start for start, _ in measured], [end for _, end in measured]
            print(f"submit to start      {milliseconds(starts)} (to reach: p50 8 ms, p99 30 ms)")
            print(f"submit to end, read  {milliseconds(ends)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        uvloop.run(worker_process(arguments.worker))
    else:
        uvloop.run(main(arguments.jobs, arguments.samples))
