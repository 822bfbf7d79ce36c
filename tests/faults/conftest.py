"""A yard that works on media, the two ways to talk to it, and who is told of the ends of jobs."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cl_client import ComputeClient
from cl_client._wire.retry import RetryPolicy
from cl_client.models import JobResponse
from runyard.testing.running import RunningYard, wait_until

from . import hostile

EXTRA_PLUGINS = Path(__file__).parents[2] / "server/tests/compute/extra_plugins"
DEADLINE = 60.0
MEDIA_MEMORY = 1 << 30
"""Bytes that one media process may hold."""
PATIENT = RetryPolicy(attempts=60, first_delay=0.1, longest_delay=1.0)
HASTY = RetryPolicy(attempts=30, first_delay=0.01, longest_delay=0.1)

Record = dict[str, Any]


@contextmanager
def running(**options: Any) -> Iterator[RunningYard]:
    """A yard whose worker has the plugins of the tests as well: ``shout``, ``trouble``, ``together``."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (before, str(EXTRA_PLUGINS))))
    try:
        with RunningYard(**options) as yard:
            yield yard
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def media_yard(yard_database: str) -> Iterator[RunningYard]:
    """One for every test that leaves it standing."""
    with running(
        database_url=yard_database, settings={"compute_slots": "2", "compute_memory": str(MEDIA_MEMORY)}
    ) as yard:
        yield yard


@pytest.fixture
async def http(media_yard: RunningYard) -> AsyncIterator[httpx.AsyncClient]:
    """A guest without a client library."""
    async with httpx.AsyncClient(base_url=media_yard.compute_url, timeout=DEADLINE) as client:
        yield client


def connected(
    yard: RunningYard, *, compute_url: str | None = None, mqtt_port: int | None = None, **options: Any
) -> ComputeClient:
    """A guest with `cl_client`, perhaps through proxies; ``mqtt_port`` 0 is without a broker."""
    return ComputeClient(
        base_url=compute_url or yard.compute_url,
        mqtt_broker="" if mqtt_port == 0 else "127.0.0.1",
        mqtt_port=mqtt_port or yard.mqtt_port,
        **{"retry": PATIENT, **options},
    )


class Ends:
    """To be given as ``on_complete``: what each job ended as, and how often that was told."""

    def __init__(self) -> None:
        self.records: dict[str, JobResponse] = {}
        self._calls: Counter[str] = Counter()
        self._news = asyncio.Event()

    def __call__(self, record: JobResponse) -> None:
        self.records[record.job_id] = record
        self._calls[record.job_id] += 1
        self._news.set()

    async def of(self, *jobs: str) -> list[JobResponse]:
        """The ends of these jobs, when all have been told."""
        async with asyncio.timeout(DEADLINE):
            while missing := set(jobs) - set(self.records):
                self._news.clear()
                await self._news.wait()
        assert not missing
        return [self.records[job] for job in jobs]

    def were_told_once(self) -> bool:
        """Whether none was told again."""
        return set(self._calls.values()) <= {1}


async def submit(http: httpx.AsyncClient, plugin: str, name: str, content: bytes, **fields: object) -> str:
    """Queue a job, and say its id."""
    form = {key: str(value) for key, value in (hostile.FIELDS.get(plugin, {}) | fields).items()}
    answer = await http.post(f"/jobs/{plugin}", files={"file": (name, content)}, data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


async def ended(http: httpx.AsyncClient, job: str) -> Record:
    """The record, when the job has ended."""
    async with asyncio.timeout(DEADLINE):
        while True:
            record: Record = (await http.get(f"/jobs/{job}", params={"wait": 30})).raise_for_status().json()
            if record["completed_at"] is not None:
                return record


@asynccontextmanager
async def good_jobs_beside(http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Good jobs, one after another, for the length of the block: every one completes, with the right result."""
    over = asyncio.Event()
    looks: list[object] = []

    async def stream() -> None:
        while not over.is_set() or not looks:
            record = await ended(http, await submit(http, "hash", "good.png", hostile.photo()))
            assert record["status"] == "completed", record
            looks.append(record["task_output"]["phash"])
            assert looks[-1] == looks[0]

    task = asyncio.create_task(stream())
    try:
        yield
    finally:
        over.set()
        async with asyncio.timeout(DEADLINE):
            await task


def media_processes(yard: RunningYard) -> list[psutil.Process]:
    """The processes below the worker that decode, without the sandbox around them."""
    below = yard.worker().children(recursive=True)
    return [process for process in below if process.is_running() and not alive_children(process)]


def alive_children(process: psutil.Process) -> list[psutil.Process]:
    """Empty for a process that is gone."""
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def resident(*processes: psutil.Process) -> int:
    """Bytes of memory they hold; nothing for those that are gone."""

    def one(process: psutil.Process) -> int:
        try:
            return int(process.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    return sum(map(one, processes))


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something in other processes that has no event to wait for."""
    await asyncio.to_thread(wait_until, condition, what, seconds=DEADLINE)
