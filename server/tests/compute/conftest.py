"""The worker's side of the service in this process: real queue, real sandbox, real media processes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from runyard.jobs import Event, Job, NewJob
from runyard.sandbox import probe, python
from runyard.services.compute.executor import MediaWork, open_media
from runyard.services.compute.plugins import installed
from runyard.services.compute.words import INPUT
from runyard.testing.running import fresh_yard
from runyard.testing.working import new_worker, working
from runyard.yard import Yard

EXTRA_PLUGINS = str(Path(__file__).parent / "extra_plugins")
DEADLINE = 60.0


@pytest.fixture(scope="session", autouse=True)
def extra_plugins() -> None:
    """Plugins a user added, seen by this process and its media processes; not by yards that other tests start."""
    sys.path.append(EXTRA_PLUGINS)
    installed.cache_clear()
    python._paths.cache_clear()
    python._folders.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", EXTRA_PLUGINS, prepend=os.pathsep)
        python._paths()


@dataclass(frozen=True, slots=True)
class Bench:
    """A yard with a worker for media jobs."""

    yard: Yard
    work: MediaWork

    async def submit(self, task_type: str, content: bytes = b"hello", *, name: str = "a.txt", **params: object) -> Job:
        """Queue a job as the API does."""
        plugin = installed()[task_type]

        async def pieces() -> AsyncIterator[bytes]:
            yield content

        blob = await self.yard.artifacts.put(pieces(), limit=1 << 30)
        checked = plugin.parameters.model_validate(params)
        stored = {
            "input_path": INPUT + name,
            "output_path": plugin.output(checked, name),
            **checked.model_dump(mode="json"),
        }
        owner = uuid4()
        return await self.yard.jobs.submit(
            NewJob(
                kind=plugin.kind,
                owner=owner,
                tenant=f"user:{owner}",
                params={"params": stored, "file": {"name": name, "sha256": blob.digest, "size": blob.size}, "user": 0, "channel": None},
                artifacts={INPUT + name: (blob.digest, "application/octet-stream")},
            )
        )  # fmt: skip

    async def ended(self, job: Job) -> Job:
        """The job when it has ended."""
        return (await self.story(job))[0]

    async def running(self, job: Job) -> None:
        """Wait until a worker has it."""
        async with (
            asyncio.timeout(DEADLINE),
            aclosing(self.yard.tails.follow(job.id, 0, idle=DEADLINE)) as events,
        ):
            async for event in events:
                if event is not None and event.type == "state" and event.data["state"] == "running":
                    return

    async def story(self, job: Job) -> tuple[Job, list[Event]]:
        """The job when it has ended, and all its events."""
        seen = []
        async with (
            asyncio.timeout(DEADLINE),
            aclosing(self.yard.tails.follow(job.id, 0, idle=DEADLINE)) as events,
        ):
            async for event in events:
                assert event is not None
                seen.append(event)
        return await self.yard.jobs.get(job.id), seen

    async def read(self, job: Job, name: str) -> bytes:
        """A file of the job."""
        found = await self.yard.artifacts.find(job.id, name)
        return b"".join([piece async for piece in self.yard.artifacts.read(found.digest)])


@pytest.fixture(scope="session")
async def bench(yard_database: str, extra_plugins: None) -> AsyncIterator[Bench]:
    async with (
        fresh_yard(yard_database, compute_slots=2, compute_timeout=20, compute_memory=400 << 20) as yard,
    ):
        sandbox = await asyncio.to_thread(probe, "auto")
        async with (
            open_media(yard.settings, sandbox) as work,
            working(new_worker(yard, work.registrations, sandbox=sandbox)),
        ):
            yield Bench(yard, work)
