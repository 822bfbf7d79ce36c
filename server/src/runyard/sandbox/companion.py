"""A process of ours in the sandbox, beside the worker that started it: it takes orders and gives reports over pipes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec
import structlog

from runyard.frames import Frames
from runyard.sandbox.command import Command, Exit
from runyard.sandbox.errors import SandboxError
from runyard.sandbox.probe import Sandbox
from runyard.sandbox.process import Process
from runyard.sandbox.python import pipes

START_DEADLINE: Final = 60.0
OUTPUT_KEPT: Final = 4000

Order = TypeVar("Order", bound=msgspec.Struct)
Report = TypeVar("Report", bound=msgspec.Struct)

log = structlog.get_logger(__name__)


class CompanionDied(Exception):
    """The process is gone, or can't be had. The text says how, for people; the log has its last words.

    Attributes:
        ended: how it came to its end, if that was by itself or a limit.
    """

    def __init__(self, text: str, *, ended: Exit | None = None) -> None:
        super().__init__(text)
        self.ended = ended


class Companion(Generic[Order, Report]):
    """One process, which is not trusted: what it says is checked. Made by :meth:`start`."""

    def __init__(self, name: str, orders: Frames[Order], reports: Frames[Report]) -> None:
        self.name = name
        self.over: asyncio.Task[None]
        """Done when the process is gone."""

        self._order_frames = orders
        self._report_frames = reports
        self._orders: asyncio.WriteTransport
        self._reports: asyncio.StreamReader
        self._process: Process
        self._said = bytearray()

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        name: str,
        command: Command,
        sandbox: Sandbox,
        folder: Path,
        *,
        orders: Frames[Order],
        reports: Frames[Report],
    ) -> AsyncIterator[Companion[Order, Report]]:
        """A process that has given its first report, which says that it is ready; ends with the context.

        Args:
            name: what people call it, as in "the media process".
            folder: for its pipes; the command has it mounted, writable.

        Raises:
            CompanionDied: it can't be started.
        """
        companion = cls(name, orders, reports)
        async with AsyncExitStack() as stack:
            companion._orders, companion._reports = await stack.enter_async_context(pipes(folder))
            try:
                companion._process = await stack.enter_async_context(sandbox.start(command))
                companion.over = asyncio.create_task(companion._listen(), name=f"output of {name}")
                stack.callback(companion.over.cancel)
                async with asyncio.timeout(START_DEADLINE):
                    await companion.hear()
            except (SandboxError, TimeoutError) as error:
                companion._lament("process_not_started", error=str(error))
                raise CompanionDied(f"The yard can't start {name}; its log says why.") from error
            companion.rest()
            yield companion

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return not self.over.done()

    def tell(self, order: Order) -> None:
        """Send an order."""
        self._orders.write(self._order_frames.pack(order))

    async def hear(self) -> Report:
        """What it says next.

        Raises:
            CompanionDied: it is gone, or has been ended because it talks nonsense.
        """
        try:
            return await self._report_frames.receive(self._reports)
        except _Over:
            raise await self._death() from None
        except (ValueError, msgspec.DecodeError, asyncio.IncompleteReadError) as error:
            raise await self.mistrusted(str(error)) from error

    async def mistrusted(self, problem: str) -> CompanionDied:
        """End it for what it has said, and give the error to raise."""
        await self.kill()
        self._lament("process_talks_nonsense", problem=problem)
        return CompanionDied(f"{self._subject} talks nonsense: {problem}")

    async def kill(self) -> None:
        """End it, and all that runs in it, at once."""
        await self._process.kill()

    def wake(self) -> None:
        """It has something to do."""
        self._process.wake()

    def rest(self) -> None:
        """It has nothing to do until it is woken."""
        self._process.rest()

    async def _listen(self) -> None:
        """Keep its last words, which are libraries' complaints, until it is gone."""
        async for chunk in self._process.output():
            self._said += chunk
            del self._said[:-OUTPUT_KEPT]
        self._reports.set_exception(_Over())

    async def _death(self) -> CompanionDied:
        try:
            ended = await self._process.wait()
        except SandboxError as error:
            self._lament("process_died", error=str(error))
            return CompanionDied(f"{self._subject} broke down.")
        if ended.limit is not None:
            return CompanionDied(f"{self._subject} was ended: {ended.message}", ended=ended)
        self._lament("process_died", code=ended.code)
        return CompanionDied(f"{self._subject} broke down (exit code {ended.code}).", ended=ended)

    def _lament(self, event: str, **facts: object) -> None:
        log.error(event, process=self.name, output=self._said.decode(errors="replace"), **facts)

    @property
    def _subject(self) -> str:
        return self.name[:1].upper() + self.name[1:]


class _Over(Exception):
    """The process says nothing any more."""
