"""The worker's side of the hand: started in the sandbox, given one order after another, noticed when it dies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import msgspec
import structlog

from runyard.sandbox import Command, Limits, Mount, Sandbox
from runyard.sandbox.companion import Companion, CompanionDied
from runyard.sandbox.python import ORDERS, REPORTS, python_environment, python_mounts
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

NAME: Final = "the process for the session's files"
GRACE: Final = 15.0
"""Seconds beyond an order's own time, in which the hand should have noticed by itself."""

MEMORY: Final = 2 * GIB
PROCESSES: Final = 64

log = structlog.get_logger(__name__)


class HandDied(Exception):
    """The process is gone, or can't be had; the text says how, for people."""


class Hand:
    """One process. Made by :meth:`start`."""

    def __init__(self, companion: Companion[Order, Report]) -> None:
        self._companion = companion
        self._asking = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it can take another order."""
        return self._companion.alive

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
        async with AsyncExitStack() as stack:
            companion = Companion.start(NAME, command, sandbox, folder, orders=order_frames, reports=report_frames)
            try:
                hand = cls(await stack.enter_async_context(companion))
            except CompanionDied as error:
                raise HandDied(str(error)) from error
            yield hand

    async def _ask(self, order: Order) -> Answer:
        async with self._asking:
            self._companion.wake()
            self._companion.tell(order)
            try:
                async with asyncio.timeout(order.seconds + GRACE):
                    answer = await self._companion.hear()
            except TimeoutError:
                await self._companion.kill()
                raise HandDied(f"It took more than {order.seconds:g} seconds and was ended.") from None
            except CompanionDied as error:
                raise HandDied(str(error)) from error
            if isinstance(answer, Ready) or answer.number != order.number:
                problem = f"{type(answer).__name__} is no answer to order {order.number}"
                raise HandDied(str(await self._companion.mistrusted(problem)))
            self._companion.rest()
        if isinstance(answer, Refused) and answer.trace:
            log.error("hand_failed", trace=answer.trace)
        return answer


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
