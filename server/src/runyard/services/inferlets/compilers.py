"""The processes that compile programs: each one program, so that none can touch another's; the next is kept ready."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from runyard.sandbox import Command, Limits, Mount, Sandbox
from runyard.sandbox.companion import Companion, CompanionDied
from runyard.sandbox.kept import Kept
from runyard.sandbox.python import ORDERS, REPORTS, python_environment, python_mounts
from runyard.sandbox.scratch import scratch_folder
from runyard.services.inferlets.surface import BadProgram, Compile, Compiled, order_frames, report_frames
from runyard.settings import Settings
from runyard.sizes import GIB

NAME: Final = "the compiler"
INSIDE: Final = "/compiling"
MEMORY: Final = 4 * GIB
DISK: Final = 2 * GIB
IDLE: Final = 60.0
"""Seconds that a process waits for something to compile."""


class Compiler:
    """A process that is ready. Made by :class:`Compilers`."""

    def __init__(self, companion: Companion[Compile, Compiled], folder: Path, deadline: float) -> None:
        self.program = folder / "program"
        """Where it looks for the program's bytes."""

        self.code = folder / "compiled"
        """What it makes of them. It is not trusted, and still there: this may be anything, and change."""

        self._companion = companion
        self._deadline = deadline

    @property
    def alive(self) -> bool:
        """Whether it still waits."""
        return self._companion.alive

    async def compile(self, blake3: str) -> Compiled:
        """Have the program compiled, if it is the one of this digest.

        Raises:
            BadProgram: it can't be compiled.
        """
        self._companion.wake()
        self._companion.tell(Compile(blake3=blake3))
        try:
            async with asyncio.timeout(self._deadline):
                return await self._companion.hear()
        except TimeoutError:
            raise BadProgram(f"It can't be compiled within {self._deadline:g} seconds, the limit.") from None
        except CompanionDied as error:
            raise BadProgram(f"It can't be compiled: {error}") from error


class Compilers:
    """Starts them.

    Args:
        folder: for what they work on.
    """

    def __init__(self, folder: Path, sandbox: Sandbox, settings: Settings) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._deadline = settings.inferlet_compile_seconds
        self._spare: tuple[Kept[Compiler], asyncio.TimerHandle] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def warm(self) -> None:
        """Have one ready soon: something will be compiled."""
        if self._spare is None:
            timer = asyncio.get_running_loop().call_later(IDLE, self._dismiss)
            self._spare = Kept(self._open(), name="compiler"), timer

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Compiler]:
        """A process for one program. The next program finds one that is ready, if it comes soon.

        Raises:
            BadProgram: none can be started.
        """
        kept = self._take_spare()
        if kept is not None and not await _is_ready(kept):
            self._close(kept)
            kept = None
        if kept is None:
            kept = Kept(self._open(), name="compiler")
        try:
            yield await kept.opened()
        except CompanionDied as error:
            raise BadProgram("The yard can't compile programs now; its log says why.") from error
        finally:
            self._close(kept)
            self.warm()

    async def close(self) -> None:
        """End all of them."""
        self._dismiss()
        await asyncio.gather(*self._closing, return_exceptions=True)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Compiler]:
        async with scratch_folder(self._folder, uuid4().hex) as folder:
            folder.chmod(0o777)  # the sandbox has a user of its own; the folder above is ours alone
            command = await asyncio.to_thread(_command, folder, self._sandbox)
            companion = Companion.start(
                NAME, command, self._sandbox, folder, orders=order_frames, reports=report_frames
            )
            async with companion as started:
                yield Compiler(started, folder, self._deadline)

    def _take_spare(self) -> Kept[Compiler] | None:
        if self._spare is None:
            return None
        (kept, timer), self._spare = self._spare, None
        timer.cancel()
        return kept

    def _dismiss(self) -> None:
        if (kept := self._take_spare()) is not None:
            self._close(kept)

    def _close(self, kept: Kept[Compiler]) -> None:
        closing = asyncio.create_task(_left(kept), name="end of a compiler")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _is_ready(kept: Kept[Compiler]) -> bool:
    try:
        return (await kept.opened()).alive
    except CompanionDied:
        return False


async def _left(kept: Kept[Compiler]) -> None:
    with suppress(CompanionDied):  # whoever wanted it has been told
        await kept.close()


def _command(folder: Path, sandbox: Sandbox) -> Command:
    inside = INSIDE if sandbox.isolated else str(folder)
    return Command(
        argv=(
            sys.executable, "-m", "runyard.services.inferlets.runtime.compile",
            f"{inside}/{ORDERS}", f"{inside}/{REPORTS}", inside,
        ),
        cwd=inside,
        env=python_environment(),
        mounts=[
            *(python_mounts() if sandbox.isolated else ()),
            Mount(source=folder, target=inside, writable=True),
        ],
        limits=Limits(memory=MEMORY, disk=DISK, processes=256),
    )  # fmt: skip
