"""The worker's side of the service: fetch the file, have the plugin work on it, keep what it made."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import structlog

from runyard.jobs import AttemptLost, JobContext, JobFailed, Registration
from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import remove, scratch_folder, sweep, unhurried
from runyard.services.compute.hosts import Hosts
from runyard.services.compute.line import Line, Piece
from runyard.services.compute.plugin import FOLDERS, Plugin
from runyard.services.compute.plugins import installed
from runyard.services.compute.words import INPUT
from runyard.settings import Settings

AT_ONCE: Final = 8
"""Results of one job that are stored at the same time."""

MOST_FILES: Final = 20_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MediaWork:
    """What a worker offers of this service."""

    registrations: list[Registration]
    hosts: Hosts

    @property
    def task_types(self) -> list[str]:
        """The plugins that can work here."""
        return [one.kind.partition(".")[2] for one in self.registrations]


@asynccontextmanager
async def open_media(settings: Settings, sandbox: Sandbox) -> AsyncIterator[MediaWork]:
    """The executors of every plugin that has what it needs on this machine."""
    parent = settings.data_dir / "media"
    await asyncio.to_thread(sweep, parent)
    async with scratch_folder(parent, f"{os.getpid()}-{uuid4().hex[:8]}") as folder, Spaces.open(folder) as spaces:
        hosts = Hosts(folder, sandbox, settings)
        registrations = []
        for plugin in installed().values():
            lacking = await asyncio.to_thread(plugin.missing, settings.models)
            if lacking is not None:
                log.info("plugin_not_offered", plugin=plugin.name, lacking=lacking)
                continue
            executor = MediaJob(plugin, hosts, spaces, settings)
            registrations.append(Registration(plugin.kind, executor, "media" if plugin.batch == 1 else "batches"))
        try:
            yield MediaWork(registrations, hosts)
        finally:
            await hosts.close()


class Spaces:
    """Folders for the jobs at hand. They are removed beside the work: no job waits for that."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._removing: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, parent: Path) -> AsyncIterator[Spaces]:
        """Spaces below ``parent``; at the end all are gone."""
        spaces = cls(parent)
        try:
            yield spaces
        finally:
            await asyncio.gather(*spaces._removing, return_exceptions=True)

    @asynccontextmanager
    async def make(self, name: str) -> AsyncIterator[Path]:
        """An empty folder that a media process may write to, once it is handed over."""
        folder = self._parent / name
        await unhurried(_make, folder)
        try:
            yield folder
        finally:
            removing = asyncio.create_task(asyncio.to_thread(remove, folder), name="end of a job's folder")
            self._removing.add(removing)
            removing.add_done_callback(self._removing.discard)


class MediaJob:
    """Runs the jobs of one plugin."""

    def __init__(self, plugin: Plugin[Any], hosts: Hosts, spaces: Spaces, settings: Settings) -> None:
        self._line = Line(plugin, hosts)
        self._spaces = spaces
        self._limit = settings.compute_output

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Do the job. Fails with a reason of the plugin's, or with how its process broke down."""
        file = cast("dict[str, str]", ctx.job.params["file"])
        stored = cast("dict[str, object]", ctx.job.params["params"])
        params = {key: value for key, value in stored.items() if key not in {"input_path", "output_path"}}
        key = f"{ctx.job.id}.{ctx.job.attempt}"
        async with self._spaces.make(key) as task:
            await ctx.fetch(INPUT + file["name"], task / "input", digest=file["sha256"])
            progress = _Progress(ctx)
            piece = Piece(folder=task, key=key, name=file["name"], params=params, report=progress.tell)
            outcome = await self._line.do(piece)
            await progress.finish()
            if outcome.result is None:
                raise JobFailed(outcome.reason, outcome.message)
            await self._keep(ctx, task)
            return outcome.result

    async def _keep(self, ctx: JobContext, task: Path) -> None:
        """Store every result. Links are passed over: what made them may have been a hostile file."""
        found = await unhurried(lambda: list(_results(task)))
        total = sum(size for _, _, size in found)
        if total > self._limit or len(found) > MOST_FILES:
            raise JobFailed(
                "too_large",
                f"The results are {len(found)} files of {total} bytes; {MOST_FILES} and {self._limit} are allowed.",
            )
        for path, _, _ in found:
            path.chmod(0o600)
        several = asyncio.Semaphore(AT_ONCE)

        async def keep(path: Path, name: str, size: int) -> None:
            async with several:
                content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
                await ctx.artifact(name, path, content_type=content_type, limit=size)

        if len(found) == 1:
            await keep(*found[0])
        else:
            async with asyncio.TaskGroup() as tasks:
                for one in found:
                    tasks.create_task(keep(*one))


class _Progress:
    """Passes a plugin's progress on to the event log, the latest first when it comes faster than it is written."""

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._latest: tuple[int, str] | None = None
        self._telling: asyncio.Task[None] | None = None

    def tell(self, percent: int, note: str) -> None:
        self._latest = (percent, note)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="progress")

    async def finish(self) -> None:
        if self._telling is not None:
            await self._telling

    async def _tell(self) -> None:
        while self._latest is not None:
            (percent, note), self._latest = self._latest, None
            with suppress(AttemptLost):  # the executor is about to be told
                await self._ctx.progress(percent, note)


def _make(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone


def _results(task: Path) -> Iterator[tuple[Path, str, int]]:
    """Plain files below the folders of results: path, name in the job, size."""
    for top in FOLDERS:
        if not stat.S_ISDIR(_mode(task / top)):
            continue
        for folder, _, files in os.walk(task / top):
            for file in sorted(files):
                path = Path(folder, file)
                if stat.S_ISREG(_mode(path)):
                    yield path, str(path.relative_to(task)), path.lstat().st_size


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0
