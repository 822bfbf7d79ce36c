"""The worker's side of the hand: started in the sandbox, given one order after another, noticed when it dies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import msgspec
import structlog

from runyard.sandbox import Command, Limits, Mount, Process, Sandbox, SandboxError
from runyard.sandbox.python import ORDERS, REPORTS, pipes, python_environment, python_mounts
from runyard.services.sessions.hand.frames import (
    Answer,
    Order,
    Ready,
    Refused,
    Report,
    Setting,
    order_frames,
    report_frames,
)
from runyard.services.sessions.space import Space
from runyard.settings import Settings
from runyard.sizes import GIB

START_DEADLINE: Final = 60.0
GRACE: Final = 15.0
"""Seconds beyond an order's own time, in which the hand should have noticed by itself."""

MEMORY: Final = 2 * GIB
PROCESSES: Final = 64
OUTPUT_KEPT: Final = 4000

log = structlog.get_logger(__name__)


class HandDied(Exception):
    """The process is gone, or can't be had; the text says how, for people."""


class Hand:
    """One process. Made by :meth:`start`."""

    def __init__(self) -> None:
        self._process: Process
        self._orders: asyncio.WriteTransport
        self._reports: asyncio.StreamReader
        self._ended: asyncio.Task[None]
        self._asking = asyncio.Lock()
        self._said = bytearray()

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return not self._ended.done()

    async def ask(self, order: Order) -> Answer:
        """Have an order carried out. Whoever gives up waiting doesn't stop it; the next order waits for its end.

        Raises:
            HandDied: it must not be asked again.
        """
        asking = asyncio.create_task(self._ask(order), name="order to a hand")
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asking)

    @classmethod
    @asynccontextmanager
    async def start(cls, space: Space, sandbox: Sandbox, settings: Settings) -> AsyncIterator[Hand]:
        """A running process; ends with the context.

        Raises:
            HandDied: it can't be started; the log says why.
        """
        folder = await asyncio.to_thread(space.new_pipes)
        command = await asyncio.to_thread(_command, space, sandbox, settings)
        hand = cls()
        async with AsyncExitStack() as stack:
            hand._orders, hand._reports = await stack.enter_async_context(pipes(folder))
            try:
                hand._process = await stack.enter_async_context(sandbox.start(command))
                hand._ended = asyncio.create_task(hand._listen(), name="output of a hand")
                stack.callback(hand._ended.cancel)
                async with asyncio.timeout(START_DEADLINE):
                    await hand._next(None)
                hand._process.rest()
            except (SandboxError, TimeoutError) as error:
                log.error("hand_not_started", error=str(error), output=hand._output())  # noqa: TRY400
                raise HandDied("The yard can't start a process for the session's files; its log says why.") from error
            yield hand

    async def _ask(self, order: Order) -> Answer:
        async with self._asking:
            self._process.wake()
            self._orders.write(order_frames.pack(order))
            try:
                async with asyncio.timeout(order.seconds + GRACE):
                    answer = await self._next(order.number)
            except TimeoutError:
                await self._process.kill()
                raise HandDied(f"It took more than {order.seconds:g} seconds and was ended.") from None
            self._process.rest()
        if isinstance(answer, Refused) and answer.trace:
            log.error("hand_failed", trace=answer.trace)
        return answer

    async def _next(self, number: int | None) -> Answer:
        """The answer to an order; with None, the word that it is ready, which is dropped."""
        reading = asyncio.ensure_future(report_frames.receive(self._reports))
        try:
            await asyncio.wait({reading, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return _expected(reading.result(), number)
        except (ValueError, msgspec.DecodeError, asyncio.IncompleteReadError) as error:
            await self._process.kill()
            raise HandDied(f"The process for the session's files talks nonsense: {error}") from error
        finally:
            reading.cancel()
        ended = await self._process.wait()
        if ended.limit is not None:
            raise HandDied(f"The process for the session's files was ended: {ended.message}")
        log.error("hand_died", code=ended.code, output=self._output())
        raise HandDied(f"The process for the session's files broke down (exit code {ended.code}).")

    async def _listen(self) -> None:
        """Keep its last words: libraries print their complaints."""
        async for chunk in self._process.output():
            self._said += chunk
            del self._said[:-OUTPUT_KEPT]

    def _output(self) -> str:
        return self._said.decode(errors="replace")


def _expected(report: Report, number: int | None) -> Answer:
    """The report, if it is the one that is waited for."""
    if isinstance(report, Ready):
        if number is None:
            return Refused(number=0, text="")
    elif report.number == number:
        return report
    raise ValueError(f"{type(report).__name__} is no answer to order {number}")


def _command(space: Space, sandbox: Sandbox, settings: Settings) -> Command:
    pipes_inside = space.inside(space.pipes)
    setting = Setting(
        root=space.inside(space.workspace), clones=space.inside(space.clones), state=space.inside(space.state)
    )
    return Command(
        argv=(
            sys.executable, "-m", "runyard.services.sessions.hand.host",
            f"{pipes_inside}/{ORDERS}", f"{pipes_inside}/{REPORTS}", msgspec.json.encode(setting).decode(),
        ),
        cwd=space.inside(space.state),
        env=python_environment(),
        mounts=[
            *(python_mounts() if sandbox.isolated else ()),
            space.mount(space.clones),
            space.mount(space.workspace, writable=True),
            space.mount(space.state, writable=True),
            Mount(source=space.pipes, target=pipes_inside, writable=True),
        ],
        limits=Limits(memory=MEMORY, processes=PROCESSES, disk=settings.session_disk),
    )  # fmt: skip
