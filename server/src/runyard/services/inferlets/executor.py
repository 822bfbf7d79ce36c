"""The worker's side of the service: a job is an instance, its events are what the program says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import structlog

from runyard.jobs import JobContext, JobFailed, Registration
from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import scratch_folder, sweep
from runyard.services.inferlets.calls import Services
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.frames import Ended, Kind, Launch
from runyard.services.inferlets.hosts import HostDied, Hosts
from runyard.services.inferlets.limits import Limits
from runyard.services.inferlets.programs import Programs
from runyard.services.inferlets.session import Session
from runyard.services.inferlets.surface import BadProgram
from runyard.services.inferlets.topics import Topics
from runyard.services.inferlets.values import ValueStore
from runyard.services.inferlets.words import EXIT, KIND, PROGRAM, Reason
from runyard.text import TextProvider
from runyard.yard import Yard

REASONS: Final[Mapping[str, Reason]] = {
    "completed": "completed",
    "exception": "exception",
    "limit": "out_of_resources",
    "aborted": "aborted",
    "unloadable": "server_error",
}

log = structlog.get_logger(__name__)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The params of an instance's job.

    Attributes:
        program: what people call it, ``ns/name@version`` or its digest.
        user: name of who launched it.
    """

    program: str
    blake3: str
    sha256: str
    kind: Kind
    arguments: list[str]
    limits: Limits
    user: str = ""


@dataclass(frozen=True, slots=True)
class InferletWork:
    """What a worker offers of this service."""

    registrations: list[Registration]
    hosts: Hosts
    programs: Programs


@asynccontextmanager
async def open_inferlets(yard: Yard, sandbox: Sandbox, text: TextProvider) -> AsyncIterator[InferletWork]:
    """The executor of instances with all it stands on."""
    settings = yard.settings
    parent = settings.data_dir / "inferlets" / "processes"
    await asyncio.to_thread(sweep, parent)
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(scratch_folder(parent, f"{os.getpid()}-{uuid4().hex[:8]}"))
        compiled = await stack.enter_async_context(CompiledPrograms.open(settings, sandbox))
        topics = await stack.enter_async_context(Topics.open(yard.database, yard.signals, yard.clock))
        hosts = Hosts(folder, compiled.folder, sandbox, settings)
        stack.push_async_callback(hosts.close)
        services = Services(values=ValueStore(yard.database), topics=topics, text=text)
        executor = InstanceJob(hosts, compiled, services, folder)
        programs = Programs(yard.database, yard.artifacts, compiled, clock=yard.clock)
        yield InferletWork([Registration(KIND, executor, "instances")], hosts, programs)


class InstanceJob:
    """Runs one instance per job."""

    def __init__(self, hosts: Hosts, compiled: CompiledPrograms, services: Services, folder: Path) -> None:
        self._hosts = hosts
        self._compiled = compiled
        self._services = services
        self._folder = folder

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Run the program to its end. Its job fails with a :data:`Reason` unless it completes."""
        if ctx.job.attempt > 1:  # what it held in memory is lost, and what it said can't be unsaid
            raise JobFailed("server_error", "It was interrupted: the worker that ran it stopped.")
        order = msgspec.convert(ctx.job.params, Order)
        try:
            ended = await self._run(ctx, order)
            if ended.kind == "unloadable":  # removed in this very moment, or made by another version
                log.warning("compiled_program_unusable", blake3=order.blake3, why=ended.text)
                await self._compile(ctx, order)
                ended = await self._run(ctx, order)
        except BadProgram as error:
            raise JobFailed("exception", f"Runtime error: {error}") from error
        except HostDied as error:
            raise JobFailed("server_error", str(error)) from error
        return await conclude(ctx, ended)

    async def _run(self, ctx: JobContext, order: Order) -> Ended:
        file = await self._compiled.file(order.blake3, lambda path: ctx.fetch(PROGRAM, path, digest=order.sha256))

        def launch(number: int) -> Launch:
            return Launch(number, str(ctx.job.id), file, order.kind, order.program, order.arguments, order.limits)

        async with self._hosts.launch(launch) as instance:
            return await Session(ctx, instance, order.limits, self._services, self._folder).run()

    async def _compile(self, ctx: JobContext, order: Order) -> None:
        await self._compiled.make(order.blake3, lambda path: ctx.fetch(PROGRAM, path, digest=order.sha256))


async def conclude(ctx: JobContext, ended: Ended) -> Mapping[str, object]:
    """The job's result; its failure if the program failed."""
    reason = REASONS[ended.kind]
    found: dict[str, object] = {
        "code": ended.code, "reason": reason, "limit": ended.limit, "fuel": ended.fuel, "memory": ended.memory,
    }  # fmt: skip
    await ctx.emit(EXIT, {**found, "text": ended.text})
    if reason == "completed":
        return {**found, "value": ended.text}
    if reason == "aborted":
        raise asyncio.CancelledError
    raise JobFailed(reason, ended.text, result=found)
