"""Compiled programs on this machine: made in the sandbox, kept by digest and engine, the least used removed first."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import sweep
from runyard.services.inferlets.compilers import Compilers
from runyard.services.inferlets.runtime.fingerprint import fingerprint
from runyard.services.inferlets.surface import BadProgram, Surface
from runyard.settings import Settings
from runyard.sizes import MIB

AT_ONCE: Final = 2
COPY: Final = 1 * MIB

Fetch = Callable[[Path], Awaitable[None]]
"""Writes a program's bytes to a file."""


class CompiledPrograms:
    """The folder of compiled programs. Several processes may share it."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.folder = settings.data_dir / "inferlets" / "compiled"
        self._work = settings.data_dir / "inferlets" / "work"
        self._bound = settings.inferlet_cache
        self._several = asyncio.Semaphore(AT_ONCE)
        self._compilers = Compilers(self._work, sandbox, settings)
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
            await compiled._compilers.close()

    def expect(self) -> None:
        """Something will soon have to be compiled."""
        self._compilers.warm()

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
        async with self._several, self._compilers.take() as compiler:
            await fetch(compiler.program)
            found = await compiler.compile(blake3)
            if found.surface is None:
                raise BadProgram(found.problem)
            await asyncio.to_thread(self._keep, compiler.code, file_name(blake3))
            return found.surface

    def _keep(self, made: Path, name: str) -> None:
        """Copy code into the folder, and remove the least used from it. Blocks."""
        partial = self.folder / f".{uuid4().hex}"
        with _open_file(made) as reading, partial.open("wb") as writing:
            shutil.copyfileobj(reading, writing, COPY)
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
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        sweep(self._work)


def _open_file(path: Path) -> BinaryIO:
    """The file itself, if it is one: no link, and nothing that waits for somebody."""
    try:
        opened = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise BadProgram("The compiler made nothing of it.") from error
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise BadProgram("The compiler made no file of it.")
    return opened


def file_name(blake3: str) -> str:
    """Name of a program's compiled form for this engine."""
    return f"{blake3}.{fingerprint()}"
