"""The worker's side of the media processes: started in the sandbox when needed, kept warm, replaced when they break."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from runyard.sandbox import Command, Limits, Mount, Process, Sandbox, SandboxError
from runyard.sandbox.python import ORDERS, REPORTS, pipes, python_environment, python_mounts
from runyard.sandbox.scratch import remove
from runyard.services.compute.frames import Done, Outcome, Progress, Ready, Run, Work, order_frames, report_frames
from runyard.services.compute.plugin import MediaLimits
from runyard.settings import Settings

INSIDE: Final = "/media"
"""Where a process sees the folders of its tasks."""

MODELS_INSIDE: Final = "/models"
START_DEADLINE: Final = 60.0
IDLE: Final = 300.0
"""Seconds after which a process that has nothing to do ends; the next job starts another."""

OUTPUT_KEPT: Final = 4000

log = structlog.get_logger(__name__)


class HostDied(Exception):
    """The process is gone in the middle of an order. The text says how, for people.

    Attributes:
        reason: stable word: ``crashed``, ``timeout`` or ``too_large``.
    """

    def __init__(self, message: str, *, reason: str = "crashed") -> None:
        super().__init__(message)
        self.reason = reason


class Host:
    """One media process. Made by :class:`Hosts`."""

    def __init__(self, folder: Path, inside: str, settings: Settings) -> None:
        self.folder = folder
        self.loaded: set[str] = set()
        self._inside = inside
        self._timeout = settings.compute_timeout
        self._limits = MediaLimits(
            pixels=settings.compute_pixels,
            frames=settings.compute_frames,
            duration=settings.compute_duration,
            output=settings.compute_output,
        )
        self._said = bytearray()
        self._process: Process
        self._reports: asyncio.StreamReader
        self._orders: asyncio.WriteTransport
        self._ended: asyncio.Task[None]

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return not self._ended.done()

    async def run(
        self,
        plugin: str,
        tasks: Sequence[tuple[str, str, dict[str, object]]],
        report: Callable[[int, int, str], object],
    ) -> list[Outcome]:
        """Have tasks done: (name of the folder below :attr:`folder`, name of the file, parameters) each.

        Raises:
            HostDied: it broke down, was too slow or took too much memory; it must not be used again.
        """
        order = Run(
            plugin,
            [Work(f"{self._inside}/{folder}", name, params) for folder, name, params in tasks],
            self._limits,
        )
        self._process.wake()
        self._orders.write(order_frames.pack(order))
        try:
            async with asyncio.timeout(self._timeout):
                while not isinstance(said := await self._next_report(), Done):
                    if isinstance(said, Progress) and said.task < len(tasks):
                        report(said.task, said.percent, said.note)
        except TimeoutError:
            raise HostDied(f"It took longer than {self._timeout:g} seconds.", reason="timeout") from None
        if len(said.outcomes) != len(tasks):
            raise HostDied(f"The plugin {plugin!r} gave {len(said.outcomes)} results for {len(tasks)} tasks.")
        if said.trace:
            log.error("plugin_failed", plugin=plugin, trace=said.trace)
        self._process.rest()
        self.loaded.add(plugin)
        return said.outcomes

    async def stop(self) -> None:
        """End it at once."""
        await self._process.kill()

    async def _next_report(self) -> Ready | Progress | Done:
        reading = asyncio.ensure_future(report_frames.receive(self._reports))
        try:
            await asyncio.wait({reading, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
        except (ValueError, msgspec.DecodeError, asyncio.IncompleteReadError) as error:
            raise HostDied(f"The media process talks nonsense: {error}") from error
        finally:
            reading.cancel()
        exit_ = await self._process.wait()
        if exit_.limit is not None:
            raise HostDied(exit_.message or "A limit was reached.", reason="too_large")
        log.error("media_process_died", code=exit_.code, output=self._said.decode(errors="replace"))
        raise HostDied(f"The process that worked on it broke down (exit code {exit_.code}).")

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path, sandbox: Sandbox, settings: Settings) -> AsyncIterator[Host]:
        """A running process with the folder ``work`` below ``folder`` for its tasks.

        Raises:
            HostDied: it can't be started; the log says why.
        """
        work, ends = folder / "work", folder / "pipes"
        for one in (work, ends):
            one.mkdir()
            one.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone
        command = await asyncio.to_thread(_command, work, ends, sandbox, settings)
        host = cls(work, INSIDE if sandbox.isolated else str(work), settings)
        async with AsyncExitStack() as stack:
            host._orders, host._reports = await stack.enter_async_context(pipes(ends))
            try:
                host._process = await stack.enter_async_context(sandbox.start(command))
                host._ended = asyncio.create_task(host._listen(), name="output of a media process")
                stack.callback(host._ended.cancel)
                async with asyncio.timeout(START_DEADLINE):
                    await host._next_report()
                host._process.rest()
            except (SandboxError, TimeoutError) as error:
                log.error("media_process_not_started", error=str(error), output=host._said.decode(errors="replace"))  # noqa: TRY400
                raise HostDied("The yard can't start a media process; its log says why.") from error
            yield host

    async def _listen(self) -> None:
        """Keep the last words of the process: libraries print their complaints."""
        async for chunk in self._process.output():
            self._said += chunk
            del self._said[:-OUTPUT_KEPT]


class Hosts:
    """Up to ``settings.compute_slots`` processes, each with one order at a time."""

    def __init__(self, folder: Path, sandbox: Sandbox, settings: Settings) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.compute_slots)
        self.free = settings.compute_slots
        """How many more orders could be taken now."""
        self._idle: list[tuple[Host, AsyncExitStack, asyncio.TimerHandle]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._count = 0

    @asynccontextmanager
    async def take(self, plugin: str) -> AsyncIterator[Host]:
        """A process nobody else uses, one that has worked with ``plugin`` before if there is one.

        Raises:
            HostDied: none can be started.
        """
        async with self._slots:
            self.free -= 1
            try:
                host, stack = self._take_idle(plugin) or await self._start()
                healthy = False
                try:
                    yield host
                    healthy = host.alive
                finally:
                    if healthy:
                        self._give_back(host, stack)
                    else:
                        self._close(stack)
            finally:
                self.free += 1

    async def close(self) -> None:
        """End all of them."""
        for _, stack, timer in self._idle:
            timer.cancel()
            self._close(stack)
        self._idle.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def warm(self) -> None:
        """Have one process ready before the first job asks for it."""
        with suppress(HostDied):  # the first job will say so
            async with self.take(""):
                pass

    def _take_idle(self, plugin: str) -> tuple[Host, AsyncExitStack] | None:
        self._idle.sort(key=lambda entry: (entry[0].alive, plugin in entry[0].loaded))
        while self._idle:
            host, stack, timer = self._idle.pop()
            timer.cancel()
            if host.alive:
                return host, stack
            self._close(stack)
        return None

    def _give_back(self, host: Host, stack: AsyncExitStack) -> None:
        timer = asyncio.get_running_loop().call_later(IDLE, self._dismiss, host)
        self._idle.append((host, stack, timer))

    def _dismiss(self, host: Host) -> None:
        for entry in self._idle:
            if entry[0] is host:
                self._idle.remove(entry)
                self._close(entry[1])
                return

    async def _start(self) -> tuple[Host, AsyncExitStack]:
        self._count += 1
        stack = AsyncExitStack()
        name = f"process-{self._count}"
        started: asyncio.Future[Host] = asyncio.get_running_loop().create_future()
        leave = asyncio.Event()

        async def live() -> None:
            # The sandbox wants to be left by the task that entered it, and the job that started this process may
            # have ended long before.
            try:
                folder = self._folder / name
                folder.mkdir()
                try:
                    async with Host.start(folder, self._sandbox, self._settings) as host:
                        started.set_result(host)
                        await leave.wait()
                finally:
                    await asyncio.to_thread(remove, folder)
            except HostDied as error:
                if started.done():
                    raise
                started.set_exception(error)

        living = asyncio.create_task(live(), name=f"media process {name}")

        async def end() -> None:
            leave.set()
            await living

        stack.push_async_callback(end)
        try:
            return await asyncio.shield(started), stack
        except BaseException:
            self._close(stack)
            raise

    def _close(self, stack: AsyncExitStack) -> None:
        closing = asyncio.create_task(stack.aclose(), name="end of a media process")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _command(work: Path, ends: Path, sandbox: Sandbox, settings: Settings) -> Command:
    inside, models = str(work), str(settings.models)
    pipes_inside = str(ends)
    mounts: list[Mount] = []
    if sandbox.isolated:
        inside, pipes_inside = INSIDE, "/pipes"
        mounts = python_mounts()
        if settings.models.is_dir():
            mounts.append(Mount(source=settings.models, target=MODELS_INSIDE))
        models = MODELS_INSIDE
    return Command(
        argv=(
            sys.executable, "-m", "runyard.services.compute.host",
            f"{pipes_inside}/{ORDERS}", f"{pipes_inside}/{REPORTS}", models,
        ),
        cwd=inside,
        env={**python_environment(), "OMP_NUM_THREADS": "1"},
        mounts=[
            *mounts,
            Mount(source=work, target=inside, writable=True),
            Mount(source=ends, target=pipes_inside, writable=True),
        ],
        limits=Limits(memory=settings.compute_memory, disk=settings.compute_output, processes=256),
    )  # fmt: skip
