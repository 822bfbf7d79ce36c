"""What people send to a session while it is at work: seen in order, each message once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from runyard.jobs import MESSAGE, AttemptLost, Event, Job, Tails
from runyard.services.sessions.memory import Decision, Memory
from runyard.services.sessions.words import DECISION, FINISH, INTERRUPT, USER_SAYS

_IDLE = 60.0


class Inbox:
    """Puts what comes into a session's memory. Made by :meth:`open`.

    Attributes:
        interrupted: set when somebody wants the turn ended; cleared by whoever ends it.
        over: done, with its reason, when nothing can come any more: the job isn't this attempt's.
    """

    def __init__(self, memory: Memory, claimed: int) -> None:
        self.interrupted = asyncio.Event()
        self.over: asyncio.Task[None]
        self._memory = memory
        self._claimed = claimed
        self._caught_up = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, tails: Tails, job: Job, memory: Memory) -> AsyncIterator[Inbox]:
        """Listen; everything that was sent before this attempt has been read when the context begins.

        Raises:
            AttemptLost: the job has ended.
        """
        inbox = cls(memory, job.last_seq)
        inbox.over = asyncio.create_task(inbox._listen(tails, job), name=f"messages to {job.id}")
        caught_up = asyncio.create_task(inbox._caught_up.wait())
        try:
            await asyncio.wait({inbox.over, caught_up}, return_when=asyncio.FIRST_COMPLETED)
            if inbox.over.done():
                await inbox.over
            yield inbox
        finally:
            caught_up.cancel()
            inbox.over.cancel()
            await asyncio.gather(inbox.over, caught_up, return_exceptions=True)

    async def _listen(self, tails: Tails, job: Job) -> None:
        async with aclosing(tails.follow(job.id, self._memory.handled, idle=_IDLE)) as events:
            async for event in events:
                if event is not None:
                    self._take(event)
        raise AttemptLost  # it has ended without us

    def _take(self, event: Event) -> None:
        if event.type == MESSAGE:
            self._hear(msgspec.json.decode(event.body, type=_Message))
        self._memory.handled = event.seq
        if event.seq >= self._claimed:
            self._caught_up.set()

    def _hear(self, message: _Message) -> None:
        if message.type == USER_SAYS:
            self._memory.queue.append(message.content)
            if not self._memory.at_work:
                self.interrupted.clear()  # that was about an earlier turn
        elif message.type == INTERRUPT:
            self.interrupted.set()
        elif message.type == FINISH:
            self._memory.finishing = True
        elif message.type == DECISION:
            for pending in self._memory.undecided:
                if pending.call == message.call:
                    pending.decision = Decision(message.approved, message.by, message.comment)


class _Message(msgspec.Struct):
    """Of every type."""

    type: str = ""
    content: str = ""
    call: str = ""
    approved: bool = False
    by: str = ""
    comment: str = ""
