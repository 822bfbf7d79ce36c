"""What a session knows between two steps: a file of its job, so that it can wait without a process, or crash."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

import msgspec

from runyard.artifacts import ArtifactMissing
from runyard.jobs import JobContext
from runyard.services.sessions.repositories.facts import Kept
from runyard.services.sessions.words import HISTORY, Role
from runyard.sizes import MIB

LARGEST: Final = 256 * MIB
"""Bytes of a memory. The budget ends a session long before."""


class Said(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: Role
    content: str


class Usage(msgspec.Struct):
    """What has been used up, in all turns together. ``turns`` are requests to the model."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0

    @property
    def tokens(self) -> int:
        """Of all requests and answers together."""
        return self.input_tokens + self.output_tokens

    def told(self) -> dict[str, object]:
        """As users are told of it."""
        return {
            "turns": self.turns,
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "toolCalls": self.tool_calls,
        }


class Decision(msgspec.Struct, frozen=True):
    """What a person said about a call."""

    approved: bool
    by: str = ""
    comment: str = ""


class Pending(msgspec.Struct):
    """A call that waits, or waited, for a person.

    Attributes:
        call: its id for people.
        key: its id for the agent.
    """

    call: str
    key: str
    name: str
    decision: Decision | None = None


class Memory(msgspec.Struct):
    """All of it.

    Attributes:
        said: the conversation, the task first.
        taken: how many of ``said`` the agent has taken into its state.
        queue: what people have said since, not yet part of the conversation.
        agent: what the agent itself remembers; its own format.
        handled: number of the last message to the job that has been looked at.
        spent: seconds at work.
        calls: how many tool calls have been numbered.
        pending: calls of this turn that need approval.
        at_work: a turn has begun and isn't over.
        held: the turn was interrupted: wait for a message, interactive or not.
        finishing: somebody wants it done.
        waits: for whom the session waits, or has waited until now.
        waits_until: when it doesn't wait any longer.
        workspace: the files it works on, as they were at the time.
        answer: the last turn's.
    """

    said: list[Said] = []
    taken: int = 0
    queue: list[str] = []
    agent: bytes = b""
    usage: Usage = msgspec.field(default_factory=Usage)
    handled: int = 0
    spent: float = 0.0
    calls: int = 0
    pending: list[Pending] = []
    at_work: bool = False
    held: bool = False
    finishing: bool = False
    waits: Literal["message", "approval"] | None = None
    waits_until: datetime | None = None
    workspace: Kept | None = None
    answer: str = ""

    @property
    def undecided(self) -> list[Pending]:
        """Calls somebody has yet to decide about."""
        return [one for one in self.pending if one.decision is None]

    async def keep(self, ctx: JobContext) -> None:
        """Write it down: what a later attempt begins with."""
        content = msgspec.json.encode(self)
        await ctx.artifact(HISTORY, content, content_type="application/json", limit=LARGEST)

    @classmethod
    async def recall(cls, ctx: JobContext, folder: Path) -> Memory:
        """What an earlier attempt wrote down; blank in the first.

        Args:
            folder: where a file can be put for a moment.
        """
        if ctx.job.attempt == 1:
            return cls()
        path = folder / uuid4().hex
        try:
            await ctx.fetch(HISTORY, path)
            return msgspec.json.decode(await asyncio.to_thread(path.read_bytes), type=cls)
        except ArtifactMissing:
            return cls()
        finally:
            path.unlink(missing_ok=True)
