"""The station: fetches work for as long as it is asked to, a few things at a time, and says what became of each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from runyard.services.runs.machines.invocation import PING
from runyard.services.runs.models.machines import ClaimAnswer, Delivery, InvocationError
from runyard.services.runs.outpost.command import Outcome, carry_out
from runyard.services.runs.outpost.keeper import Keeper
from runyard.services.runs.outpost.link import Link, LinkDown, LinkRefused, Pauses
from runyard.services.runs.outpost.scroll import Scroll
from runyard.services.runs.outpost.table import Table

WAIT: Final = 20.0
"""Seconds that the yard is asked to wait for work before it says that there is none."""

FAREWELL: Final = 5.0
"""Seconds in which the yard is told that work was broken off."""

log = structlog.get_logger(__name__)


class Station:
    """Does the work of one machine.

    Args:
        link: to the yard.
        table: what the machine can do.
        keeper: ends what the machine has started should it be killed.
    """

    def __init__(self, link: Link, table: Table, keeper: Keeper) -> None:
        self._link = link
        self._table = table
        self._keeper = keeper
        self._work: dict[str, asyncio.Task[None]] = {}
        self._unwanted: set[str] = set()
        """Those that the yard has said to stop."""

        self._changed = asyncio.Event()
        self._draining = False

    def drain(self) -> None:
        """Take nothing new, and end when what is being done has ended. The second time: end now."""
        if self._draining:
            for task in self._work.values():
                task.cancel()
        self._draining = True
        self._changed.set()

    async def run(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Work until drained.

        Args:
            ready: told when the yard has answered for the first time.

        Raises:
            LinkRefused: the yard doesn't know the machine any more.
        """
        beating = asyncio.create_task(self._beat(), name="heartbeat")
        pauses, known = Pauses(), False
        try:
            while not (self._draining and not self._work):
                self._changed.clear()
                try:
                    answer = await self._claim(wait=WAIT if known else 0)
                except LinkDown as error:
                    log.warning("yard_unreachable", error=str(error))
                    await pauses.pause(unless=self._changed)
                    continue
                pauses = Pauses()
                if answer is None:
                    continue
                if not known:
                    ready()
                    known = True
                self._take(answer)
        finally:
            beating.cancel()
            for task in self._work.values():
                task.cancel()
            await asyncio.gather(beating, *self._work.values(), return_exceptions=True)

    async def _claim(self, *, wait: float) -> ClaimAnswer | None:
        """Ask for work; None if something has changed here, so that something else is to be asked."""
        free = 0 if self._draining else max(0, self._table.slots - len(self._work))
        claiming = asyncio.create_task(
            self._link.claim(holding=self._work, free=free, wait=wait, operations=self._table.operations)
        )
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({claiming, changed}, return_when=asyncio.FIRST_COMPLETED)
            return claiming.result() if claiming.done() else None  # what it is handed then, it is handed again
        finally:
            for task in (claiming, changed):
                task.cancel()
            await asyncio.gather(claiming, changed, return_exceptions=True)

    def _take(self, answer: ClaimAnswer) -> None:
        for invocation in answer.stop:
            if task := self._work.get(invocation):
                log.info("stopped", invocation=invocation)
                self._unwanted.add(invocation)
                task.cancel()
        for delivery in answer.invocations:
            task = asyncio.create_task(self._do(delivery), name=f"invocation {delivery.invocation_id}")
            self._work[delivery.invocation_id] = task
            task.add_done_callback(lambda done, each=delivery.invocation_id: self._done(each, done))  # type: ignore[misc]

    def _done(self, invocation: str, task: asyncio.Task[None]) -> None:
        if self._work.get(invocation) is task:
            del self._work[invocation]
            self._unwanted.discard(invocation)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("invocation_given_up", invocation=invocation, error=str(error))
        self._changed.set()

    async def _do(self, delivery: Delivery) -> None:
        if delivery.action == PING:
            await self._say(delivery, status="completed", output={})
            return
        operation = self._table.operations.get(delivery.action)
        if operation is None:
            text = f"This machine's table has no {delivery.action!r}."
            await self._end(delivery, InvocationError(code="not-offered", message=text))
            return
        await self._say(delivery, status="running")  # not before the yard knows: so it is never begun twice
        log.info("begun", invocation=delivery.invocation_id, operation=delivery.action)
        try:
            async with Scroll(lambda text: self._say(delivery, log=text)) as scroll:
                outcome = await carry_out(operation, delivery, scroll.add, self._keeper)
        except asyncio.CancelledError:
            if delivery.invocation_id not in self._unwanted:
                gone = InvocationError(code="interrupted", message="The machine was stopped while it was at work.")
                with suppress(TimeoutError, LinkRefused):
                    async with asyncio.timeout(FAREWELL):
                        await self._say(delivery, status="failed", error=gone.model_dump())
            raise
        await self._end(delivery, outcome)

    async def _end(self, delivery: Delivery, outcome: Outcome) -> None:
        failed = isinstance(outcome, InvocationError)
        log.info("ended", invocation=delivery.invocation_id, failed=failed)
        if isinstance(outcome, InvocationError):
            await self._say(delivery, status="failed", error=outcome.model_dump())
            return
        try:
            await self._say(delivery, status="completed", output=outcome)
        except LinkRefused as refused:
            if refused.status not in {400, 413, 422}:
                raise
            error = InvocationError(code="bad-output", message=f"The yard does not take what it printed: {refused}")
            await self._say(delivery, status="failed", error=error.model_dump())

    async def _say(self, delivery: Delivery, **asked: object) -> None:
        await self._link.report(delivery.invocation_id, {"delivery": delivery.delivery, **asked})

    async def _beat(self) -> None:
        pause = WAIT
        while True:
            metrics = {"running": len(self._work), "slots": self._table.slots, "load1": os.getloadavg()[0]}
            with suppress(LinkDown, LinkRefused):  # the claim says what is the matter
                pause = await self._link.heartbeat({"status": "ok", "metrics": metrics})
            await asyncio.sleep(pause)
