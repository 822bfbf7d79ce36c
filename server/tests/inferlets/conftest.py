"""The service below its protocol in this process: real queue, real sandbox, real instance processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from blake3 import blake3

from runyard.jobs import Event, Job
from runyard.sandbox import Sandbox, probe
from runyard.services.inferlets import instances
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.executor import InferletWork, open_inferlets
from runyard.services.inferlets.instances import Ending, Utterance, ending, read_event
from runyard.services.inferlets.limits import asked
from runyard.services.inferlets.programs import Program, Programs
from runyard.testing.running import fresh_yard
from runyard.testing.working import new_worker, working
from runyard.text import open_text
from runyard.yard import Yard

DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A yard with a worker for instances."""

    yard: Yard
    work: InferletWork
    programs: Programs

    async def upload(self, content: bytes, manifest: str = "", *, tenant: str = "user:test") -> Program:
        """Keep a program as the adapter does."""

        async def pieces() -> AsyncIterator[bytes]:
            yield content

        blob = await self.yard.artifacts.put(pieces(), limit=1 << 30)
        return await self.programs.add(
            tenant=tenant, owner=uuid4(), blob=blob, digest=blake3(content).hexdigest(), manifest=manifest
        )

    async def launch(self, content: bytes, *arguments: str, tenant: str = "user:test", **limits: object) -> Job:
        """Launch an uploaded program."""
        program = await self.upload(content, tenant=tenant)
        return await instances.launch(
            self.yard, program, owner=uuid4(), tenant=tenant, user="tester", arguments=arguments,
            limits=asked(limits, self.yard.settings),
        )  # fmt: skip

    async def text(self, job: Job, text: str) -> None:
        await instances.send_text(self.yard, job.id, text)

    @asynccontextmanager
    async def events(self, job: Job | UUID) -> AsyncIterator[AsyncIterator[Event]]:
        """Its events as they come, with a deadline."""
        number = job if isinstance(job, UUID) else job.id

        async def real() -> AsyncIterator[Event]:
            async for event in found:
                assert event is not None
                yield event

        async with asyncio.timeout(DEADLINE), aclosing(self.yard.tails.follow(number, 0, idle=DEADLINE)) as found:
            yield real()

    async def says(self, job: Job) -> AsyncIterator[Utterance]:
        """What it says, as it comes."""
        async with self.events(job) as events:
            async for event in events:
                if (said := read_event(event)) is not None:
                    yield said

    async def running(self, job: Job) -> None:
        """Wait until a worker has it."""
        async with self.events(job) as events:
            async for event in events:
                if event.type == "state" and event.data["state"] == "running":
                    return

    async def story(self, job: Job) -> tuple[Ending, list[Utterance]]:
        """How it ended, and all it said."""
        said = [one async for one in self.says(job)]
        end = ending(await self.yard.jobs.get(job.id))
        assert end is not None
        return end, said


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return probe("auto")


@pytest.fixture(scope="session")
async def bench(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Bench]:
    async with (
        fresh_yard(yard_database, inferlet_processes=2, inferlet_memory=64 << 20, text_threads=1) as yard,
        open_text(yard.settings, sandbox) as text,
        open_inferlets(yard, sandbox, text) as work,
        CompiledPrograms.open(yard.settings, sandbox) as compiled,
    ):
        programs = Programs(yard.database, yard.artifacts, compiled, clock=yard.clock)
        async with working(new_worker(yard, work.registrations, sandbox=sandbox)):
            yield Bench(yard, work, programs)
