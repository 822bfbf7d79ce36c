"""What was said and printed in a session, from its event log: the conversation, and the output of tools and agents."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from runyard.jobs import LOG, MESSAGE, Job
from runyard.services.sessions.standing import order_of, timestamp
from runyard.services.sessions.stream import tell
from runyard.services.sessions.words import Tells
from runyard.sizes import MIB
from runyard.yard import Yard

LONGEST_TAIL: Final = 10_000
"""Lines from the end that may be asked for."""

LARGEST_TAIL: Final = 16 * MIB
"""Bytes of them: output needn't have line ends."""

_SPOKEN: Final = frozenset({Tells.SAID, MESSAGE})


async def messages(yard: Yard, job: Job) -> list[dict[str, object]]:
    """The conversation. The task leads, even if something else was said before somebody took it up."""
    at = timestamp(job.created_at, precise=True)
    task: dict[str, object] = {"seq": 1, "at": at, "role": "user", "content": order_of(job).task}
    others = []
    async for event in yard.tails.events(job, 0):
        told = tell(event) if event.type in _SPOKEN else None
        if told is None:
            continue
        said = {name: told[name] for name in task}
        if event.type == Tells.SAID and said["role"] == "user":
            task = said
        else:
            others.append(said)
    return [task, *others]


async def output(yard: Yard, job: Job) -> AsyncIterator[bytes]:
    """All that was printed, in pieces."""
    async for event in yard.tails.events(job, 0):
        if event.type == LOG:
            yield event.body


async def tail(yard: Yard, job: Job, *, lines: int) -> bytes:
    """The last lines that were printed."""
    pieces: deque[tuple[bytes, int]] = deque()
    size = ends = 0
    async for piece in output(yard, job):
        pieces.append((piece, piece.count(b"\n")))
        size, ends = size + len(piece), ends + pieces[-1][1]
        while len(pieces) > 1 and (ends - pieces[0][1] > lines or size > LARGEST_TAIL):
            old, count = pieces.popleft()
            size, ends = size - len(old), ends - count
    found = b"".join(piece for piece, _ in pieces).split(b"\n")
    return b"\n".join(found[-lines - (not found[-1]) :])
