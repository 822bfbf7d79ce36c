"""Compiled programs on this machine: made in the sandbox, kept by digest and engine, the least used removed first."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import structlog

from runyard.sandbox import Command, Limits, Mount, Sandbox, SandboxError
from runyard.sandbox.python import python_environment, python_mounts
from runyard.sandbox.scratch import remove
from runyard.services.inferlets.runtime.fingerprint import fingerprint
from runyard.services.inferlets.surface import BadProgram, Compiled, Surface
from runyard.settings import Settings
from runyard.sizes import GIB, MIB

MEMORY: Final = 4 * GIB
DISK: Final = 2 * GIB
INSIDE: Final = "/compiling"
AT_ONCE: Final = 2
LONGEST_REPORT: Final = 4 * MIB

Fetch = Callable[[Path], Awaitable[None]]
"""Writes a program's bytes to a file."""

log = structlog.get_logger(__name__)


class CompiledPrograms:
    """The folder of compiled programs. Several processes may share it."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.folder = settings.data_dir / "inferlets" / "compiled"
        self._work = settings.data_dir / "inferlets" / "work"
        self._sandbox = sandbox
        self._deadline = settings.inferlet_compile_seconds
        self._bound = settings.inferlet_cache
        self._several = asyncio.Semaphore(AT_ONCE)
        self._making: dict[str, asyncio.Task[Surface]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, sandbox: Sandbox) -> AsyncIterator[CompiledPrograms]:
        """The folder, ready; at the end nothing is being compiled any more."""
        compiled = cls(settings, sandbox)
        await asyncio.to_thread(compiled._prepare)
        try:
            yield compiled
        finally:
            for making in compiled._making.values():
                making.cancel()
            await asyncio.gather(*compiled._making.values(), return_exceptions=True)

    async def file(self, blake3: str, fetch: Fetch) -> str:
        """Name in the folder of a program's compiled form, which is made if it isn't there.

        Raises:
            BadProgram: it can't be compiled.
        """
        name = file_name(blake3)
        try:
            os.utime(self.folder / name)
        except FileNotFoundError:
            await self.make(blake3, fetch)
        return name

    async def make(self, blake3: str, fetch: Fetch) -> Surface:
        """Compile a program and say what it looks like.

        Raises:
            BadProgram: it can't be compiled.
        """
        making = self._making.get(blake3)
        if making is None:
            making = self._making[blake3] = asyncio.create_task(self._make(blake3, fetch), name=f"compile {blake3}")
            making.add_done_callback(lambda _: self._making.pop(blake3, None))
        return await asyncio.shield(making)

    async def _make(self, blake3: str, fetch: Fetch) -> Surface:
        async with self._several:
            folder = self._work / uuid4().hex
            await asyncio.to_thread(_make_folder, folder)
            try:
                await fetch(folder / "program")
                found = await self._compile(folder)
                if found.surface is None:
                    raise BadProgram(found.problem)
                await asyncio.to_thread(self._keep, folder / "compiled", file_name(blake3))
                return found.surface
            finally:
                await asyncio.to_thread(remove, folder)

    async def _compile(self, folder: Path) -> Compiled:
        inside = INSIDE if self._sandbox.isolated else str(folder)
        mounts = await asyncio.to_thread(python_mounts) if self._sandbox.isolated else []
        command = Command(
            argv=(
                sys.executable, "-m", "runyard.services.inferlets.runtime.compile",
                f"{inside}/program", f"{inside}/compiled", f"{inside}/report",
            ),
            cwd=inside,
            env=await asyncio.to_thread(python_environment),
            mounts=[*mounts, Mount(source=folder, target=inside, writable=True)],
            limits=Limits(wall=self._deadline, memory=MEMORY, disk=DISK, processes=256),
        )  # fmt: skip
        said = bytearray()
        try:
            async with self._sandbox.start(command) as process:
                async for chunk in process.output():
                    said += chunk
                    del said[:-4000]
                ended = await process.wait()
        except SandboxError as error:
            log.error("program_not_compiled", error=str(error))  # noqa: TRY400
            raise BadProgram("The yard can't compile programs now; its log says why.") from error
        if ended.limit is not None:
            raise BadProgram(f"It can't be compiled within the limits: {ended.message}")
        report = folder / "report"
        if ended.code != 0 or not report.is_file() or report.is_symlink() or report.stat().st_size > LONGEST_REPORT:
            log.error("compiler_died", code=ended.code, output=said.decode(errors="replace"))
            raise BadProgram(f"The compiler broke down at it (exit code {ended.code}).")
        return msgspec.json.decode(await asyncio.to_thread(report.read_bytes), type=Compiled)

    def _keep(self, made: Path, name: str) -> None:
        """Move code into the folder, and the least used out of it. Blocks."""
        if made.is_symlink() or not made.is_file():
            raise BadProgram("The compiler made nothing of it.")
        partial = self.folder / f".{uuid4().hex}"
        shutil.copyfile(made, partial)
        partial.chmod(0o644)
        partial.replace(self.folder / name)
        files = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._bound:
                return
            if path.name != name:
                path.unlink(missing_ok=True)  # a process that has mapped it keeps it
                total -= size

    def _prepare(self) -> None:
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o755, exist_ok=True)


def file_name(blake3: str) -> str:
    """Name of a program's compiled form for this engine."""
    return f"{blake3}.{fingerprint()}"


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone
