"""The worker's side of the service: a job is a session, which works, waits for people without a process, and ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
import structlog

from runyard.jobs import JobContext, JobFailed, Registration
from runyard.sandbox import Sandbox
from runyard.sandbox.scratch import scratch_folder, sweep
from runyard.services.sessions.agents.agent import Agent, AgentFailed, ApprovalNeeded
from runyard.services.sessions.agents.roster import Roster
from runyard.services.sessions.agents.turn import Turn
from runyard.services.sessions.inbox import Inbox
from runyard.services.sessions.memory import Memory
from runyard.services.sessions.order import Order
from runyard.services.sessions.words import KIND, Reason, Tells
from runyard.services.sessions.workspace import Workspace, WorkspaceFailed, Workspaces
from runyard.settings import Settings
from runyard.text import TextProvider
from runyard.yard import Yard

SAVE_DEADLINE: Final = 20.0
"""Seconds to save what a session that is being ended has made. The worker waits a little longer."""

LONGEST_ANSWER: Final = 500_000
"""Characters of a session's result. Its last message has all of it."""

CUT: Final = "[The answer is longer; the session's messages have all of it.]"
RESTARTED: Final = "The yard was restarted in the middle of the work, which goes on from its last step."
BEGUN_ANEW: Final = "The yard was restarted before the first step was done: the work begins anew."
INTERRUPTED: Final = "The turn was interrupted."
ENDED: Final = "The turn was ended."
NOBODY_DECIDED: Final = "Nobody decided in time whether it may go on."
NOBODY_SPOKE: Final = "It was closed because nobody has sent a message for a long time."

Step = Literal["work", "wait", "end"]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_sessions(yard: Yard, sandbox: Sandbox, text: TextProvider) -> AsyncIterator[list[Registration]]:
    """The executor of sessions with all it stands on."""
    parent = yard.settings.data_dir / "sessions"
    await asyncio.to_thread(sweep, parent)
    async with (
        scratch_folder(parent, f"{os.getpid()}-{uuid4().hex[:8]}") as folder,
        Roster.open(yard.settings, text) as roster,
    ):
        workspaces = Workspaces(yard, sandbox, folder)
        yield [Registration(KIND, SessionJob(yard, roster, workspaces, folder), "sessions")]


class SessionJob:
    """Runs one session per job."""

    def __init__(self, yard: Yard, roster: Roster, workspaces: Workspaces, folder: Path) -> None:
        self._tails = yard.tails
        self._settings = yard.settings
        self._roster = roster
        self._workspaces = workspaces
        self._folder = folder

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Go on with a session until it ends, or waits. It fails with a :class:`Reason`."""
        order = msgspec.convert(ctx.job.params, Order)
        try:
            agent = self._roster.find(order.agent)
        except AgentFailed as error:
            raise JobFailed(error.reason, error.text) from error
        memory = await Memory.recall(ctx, self._folder)
        if not memory.said and not memory.queue:
            memory.queue.append(order.task)
            for note in order.notes if ctx.job.attempt == 1 else (BEGUN_ANEW,):
                await ctx.emit(Tells.NOTE, {"content": note})
        elif memory.at_work and not memory.pending:
            await ctx.emit(Tells.NOTE, {"content": RESTARTED})
        async with Inbox.open(self._tails, ctx.job, memory) as inbox:
            session = _Session(
                ctx, order=order, agent=agent, memory=memory, inbox=inbox, workspaces=self._workspaces,
                settings=self._settings,
            )  # fmt: skip
            return await session.run()


class _Session:
    """One attempt at a session."""

    def __init__(
        self, ctx: JobContext, *, order: Order, agent: Agent, memory: Memory, inbox: Inbox, workspaces: Workspaces,
        settings: Settings,
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._order = order
        self._agent = agent
        self._memory = memory
        self._inbox = inbox
        self._workspaces = workspaces
        self._settings = settings
        self._now = asyncio.get_running_loop().time
        self._spent_before = 0.0
        self._began = 0.0

    async def run(self) -> Mapping[str, object]:
        """Until it ends; the suspended don't return."""
        woken = self._memory.waits is not None
        while True:
            match await self._next():
                case "wait":
                    await self._wait(again=woken)
                case "end":
                    await self._awake()
                    await self._memory.keep(self._ctx)
                    return self._result()
                case "work":
                    await self._awake()
                    await self._work()
            woken = False

    async def _next(self) -> Step:
        """What there is to do."""
        memory, inbox = self._memory, self._inbox
        if memory.at_work and memory.undecided:
            if not inbox.interrupted.is_set() and not memory.finishing:
                return "wait"
            await self._break_off("")  # the call will never be made
        if memory.at_work or memory.queue:
            return "work"
        inbox.interrupted.clear()  # there is nothing to interrupt
        if memory.finishing or not (self._order.interactive or memory.held):
            return "end"
        return "wait"

    def _result(self) -> dict[str, object]:
        """What it leaves behind, for users and for the jobs that asked for it."""
        kept = self._memory.workspace
        clones = () if kept is None else kept.repositories
        return {
            "answer": self._answer(),
            "usage": self._memory.usage.told(),
            "commits": {clone.name: clone.fetched.commit for clone in clones if clone.fetched.commit is not None},
        }

    def _answer(self) -> str:
        """The last turn's answer; of one that was broken off, what was said in it."""
        said = (message.content for message in reversed(self._memory.said) if message.role == "assistant")
        answer = (self._memory.answer or next(said, "")).replace("\0", "\N{REPLACEMENT CHARACTER}")
        return answer if len(answer) <= LONGEST_ANSWER else f"{answer[:LONGEST_ANSWER]}\n\n{CUT}"

    # ---------------------------------------------------------------- waiting

    async def _wait(self, *, again: bool) -> None:
        """Wait for people, without a process; returns when they were quick, or have been waited for long enough."""
        memory, idle = self._memory, timedelta(seconds=self._settings.session_idle)
        waits: Literal["approval", "message"] = "approval" if memory.undecided else "message"
        if not again or memory.waits != waits:
            memory.waits, memory.waits_until = waits, self._ctx.clock() + idle
            await self._ctx.emit(Tells.WAITS, {"for": memory.waits})
            if await self._next() != "wait":  # somebody has answered at once
                return
        assert memory.waits_until is not None
        left = memory.waits_until - self._ctx.clock()
        if left > timedelta():
            handled = memory.handled  # what is heard from here on may not be in what is kept
            await memory.keep(self._ctx)
            await self._ctx.suspend("message", checkpoint=None, delay=left, after=handled)
        await self._awake()
        if memory.undecided:
            raise JobFailed(Reason.TIMEOUT, NOBODY_DECIDED)
        await self._ctx.emit(Tells.NOTE, {"content": NOBODY_SPOKE})
        memory.finishing = True

    async def _awake(self) -> None:
        if self._memory.waits is not None:
            self._memory.waits = None
            await self._ctx.emit(Tells.WAITS, {"for": None})

    # ---------------------------------------------------------------- working

    async def _work(self) -> None:
        """Take turns for as long as there is something to do."""
        self._began, self._spent_before = self._now(), self._memory.spent
        async with AsyncExitStack() as stack:
            try:
                async with self._in_time():
                    opening = self._workspaces.open(self._ctx, self._order, self._memory.workspace)
                    workspace = await stack.enter_async_context(opening)
                self._memory.workspace = workspace.kept
            except WorkspaceFailed as error:
                raise JobFailed(error.reason, str(error)) from error
            try:
                async with self._in_time():
                    await self._turns(workspace)
            except (AgentFailed, JobFailed) as error:
                await self._rescue(workspace)
                raise _failure(error) from error
            except asyncio.CancelledError:
                if self._ctx.cancelled.is_set():
                    await self._rescue(workspace)
                raise

    async def _turns(self, workspace: Workspace) -> None:
        while await self._next() == "work":
            self._memory.at_work, self._memory.held = True, False
            turn = Turn(self._ctx, self._order, self._memory, workspace, self._keep)
            try:
                await self._turn(turn)
            except ApprovalNeeded:
                await turn.keep(changed=True)
            finally:
                turn.close()

    async def _turn(self, turn: Turn) -> None:
        """From what the user has said to the agent's answer, unless the user interrupts it."""
        working = asyncio.create_task(self._agent.run(turn), name=f"turn of {self._ctx.job.id}")
        interrupted = asyncio.create_task(self._inbox.interrupted.wait())
        try:
            await asyncio.wait({working, interrupted, self._inbox.over}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await _end(working)
                if self._inbox.over.done():
                    await self._inbox.over
                await self._break_off(await turn.broken_off())
                await turn.keep(changed=True)
                return
            self._memory.answer = await working
        finally:
            await _end(interrupted)
            await _end(working)
        await turn.said(self._memory.answer)
        self._memory.at_work = False
        await turn.keep(changed=True)

    async def _break_off(self, said: str) -> None:
        """The turn is over without an answer; the session isn't, unless somebody wants it to be."""
        memory = self._memory
        for pending in memory.undecided:
            body = {"call": pending.call, "state": "refused", "by": "", "comment": ENDED}
            await self._ctx.emit(Tells.APPROVAL, body)
        memory.agent = self._agent.break_off(memory.agent, said)
        memory.pending = []
        memory.at_work, memory.held = False, True
        self._inbox.interrupted.clear()
        await self._ctx.emit(Tells.NOTE, {"content": ENDED if memory.finishing else INTERRUPTED})

    async def _keep(self) -> None:
        self._memory.spent = self._spent_before + self._now() - self._began
        await self._memory.keep(self._ctx)

    async def _rescue(self, workspace: Workspace) -> None:
        """Save what there is of a session that is being ended."""
        try:
            async with asyncio.timeout(SAVE_DEADLINE):
                self._memory.workspace = await workspace.save()
        except Exception:
            log.exception("session_not_saved")

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raise JobFailed when the session has been at work for as long as it may."""
        allowed = self._order.budget.seconds
        try:
            async with asyncio.timeout_at(self._began + allowed - self._spent_before) as deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise JobFailed(Reason.TIMEOUT, f"It was at work for longer than {allowed:g} seconds.") from error


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _failure(error: AgentFailed | JobFailed) -> JobFailed:
    return error if isinstance(error, JobFailed) else JobFailed(error.reason, error.text)
