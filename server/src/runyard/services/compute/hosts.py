"""The worker's side of the media processes: started in the sandbox when needed, kept warm, replaced when they break."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from runyard.sandbox import Command, Limits, Mount, Sandbox
from runyard.sandbox.companion import Companion, CompanionDied
from runyard.sandbox.kept import Kept
from runyard.sandbox.python import ORDERS, REPORTS, python_environment, python_mounts
from runyard.sandbox.scratch import remove
from runyard.services.compute.frames import Done, Outcome, Progress, Report, Run, Work, order_frames, report_frames
from runyard.services.compute.plugin import MediaLimits
from runyard.settings import Settings

INSIDE: Final = "/media"
"""Where a process sees the folders of its tasks."""

MODELS_INSIDE: Final = "/models"
NAME: Final = "the media process"
IDLE: Final = 300.0
"""Seconds after which a process that has nothing to do ends; the next job starts another."""

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

    def __init__(self, companion: Companion[Run, Report], folder: Path, inside: str, settings: Settings) -> None:
        self._companion = companion
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

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return self._companion.alive

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
        self._companion.wake()
        self._companion.tell(order)
        try:
            async with asyncio.timeout(self._timeout):
                while not isinstance(said := await self._companion.hear(), Done):
                    if isinstance(said, Progress) and said.task < len(tasks):
                        report(said.task, said.percent, said.note)
        except TimeoutError:
            raise HostDied(f"It took longer than {self._timeout:g} seconds.", reason="timeout") from None
        except CompanionDied as error:
            limited = error.ended is not None and error.ended.limit is not None
            raise HostDied(str(error), reason="too_large" if limited else "crashed") from error
        if len(said.outcomes) != len(tasks):
            raise HostDied(f"The plugin {plugin!r} gave {len(said.outcomes)} results for {len(tasks)} tasks.")
        if said.trace:
            log.error("plugin_failed", plugin=plugin, trace=said.trace)
        self._companion.rest()
        self.loaded.add(plugin)
        return said.outcomes

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
        async with AsyncExitStack() as stack:
            companion = Companion.start(NAME, command, sandbox, ends, orders=order_frames, reports=report_frames)
            try:
                started = await stack.enter_async_context(companion)
            except CompanionDied as error:
                raise HostDied(str(error)) from error
            yield cls(started, work, INSIDE if sandbox.isolated else str(work), settings)


class Hosts:
    """Up to ``settings.compute_slots`` processes, each with one order at a time."""

    def __init__(self, folder: Path, sandbox: Sandbox, settings: Settings) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.compute_slots)
        self.free = settings.compute_slots
        """How many more orders could be taken now."""
        self._idle: list[tuple[Host, Kept[Host], asyncio.TimerHandle]] = []
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
                host, kept = self._take_idle(plugin) or await self._start()
                healthy = False
                try:
                    yield host
                    healthy = host.alive
                finally:
                    if healthy:
                        self._give_back(host, kept)
                    else:
                        self._close(kept)
            finally:
                self.free += 1

    async def close(self) -> None:
        """End all of them."""
        for _, kept, timer in self._idle:
            timer.cancel()
            self._close(kept)
        self._idle.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def warm(self) -> None:
        """Have one process ready before the first job asks for it."""
        with suppress(HostDied):  # the first job will say so
            async with self.take(""):
                pass

    def _take_idle(self, plugin: str) -> tuple[Host, Kept[Host]] | None:
        self._idle.sort(key=lambda entry: (entry[0].alive, plugin in entry[0].loaded))
        while self._idle:
            host, kept, timer = self._idle.pop()
            timer.cancel()
            if host.alive:
                return host, kept
            self._close(kept)
        return None

    def _give_back(self, host: Host, kept: Kept[Host]) -> None:
        timer = asyncio.get_running_loop().call_later(IDLE, self._dismiss, host)
        self._idle.append((host, kept, timer))

    def _dismiss(self, host: Host) -> None:
        for entry in self._idle:
            if entry[0] is host:
                self._idle.remove(entry)
                self._close(entry[1])
                return

    async def _start(self) -> tuple[Host, Kept[Host]]:
        self._count += 1
        name = f"process-{self._count}"
        kept = Kept(self._open(self._folder / name), name=f"media process {name}")
        try:
            return await kept.opened(), kept
        except BaseException:
            self._close(kept)
            raise

    @asynccontextmanager
    async def _open(self, folder: Path) -> AsyncIterator[Host]:
        await asyncio.to_thread(folder.mkdir)
        try:
            async with Host.start(folder, self._sandbox, self._settings) as host:
                yield host
        finally:
            await asyncio.to_thread(remove, folder)

    def _close(self, kept: Kept[Host]) -> None:
        closing = asyncio.create_task(kept.close(), name="end of a media process")
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
