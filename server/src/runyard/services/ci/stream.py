"""A job's event log as server-sent events: output line by line, each with a cursor to go on from."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Final

from runyard.jobs import LOG, STATE, Event, EventsExpired, Job, JobNotFound, State
from runyard.services.ci.words import PHASE, TEST, outcome, status_of, success_of
from runyard.web.sse import GOING_AWAY, HEARTBEAT, frame
from runyard.yard import Yard

QUEUE_LOOK: Final = 2.0
"""Seconds between looks at the place in the queue, for who wants to know it."""

_CURSOR: Final = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a job's log: after event ``seq``, or after ``lines`` lines of the event that follows it."""

    seq: int
    lines: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor of an ``id:`` line.

        Raises:
            ValueError: it isn't one.
        """
        if (match := _CURSOR.fullmatch(text.strip())) is None:
            raise ValueError(text)
        seq, lines = int(match[1]), int(match[2] or 0)
        return cls(seq - 1, lines) if lines and seq else cls(seq)


START: Final = Cursor(0)


async def stream(
    yard: Yard, job: Job, *, cursor: Cursor | None, everything: bool = False, announce: bool = False
) -> AsyncGenerator[bytes]:
    """The events of a job after ``cursor`` as they come, and the end of the job as the last one.

    Args:
        yard: where the job is.
        job: the job as it stands now.
        cursor: where to go on; None for the present.
        everything: the events of ``events=all``, not only the original ones.
        announce: begin with the job's id.
    """
    if announce:
        yield _message(b"0", {"type": "job_id", "job_id": str(job.id)})
    if job.state.ended and (cursor is None or cursor.seq >= job.last_seq):
        if cursor is None:
            yield _message(None, {"type": "log", "data": f"Job {job.id} has already completed.\n"})
        yield _complete(job, everything=everything)
        return
    try:
        async with aclosing(_follow(yard, job, cursor or Cursor(job.last_seq), everything=everything)) as pieces:
            async for piece in pieces:
                yield piece
    except (JobNotFound, EventsExpired) as error:  # retention took it away while somebody was reading
        yield _message(None, {"type": "log", "data": f"{error}\n"})
        yield _complete(job, everything=everything)


async def _follow(yard: Yard, job: Job, cursor: Cursor, *, everything: bool) -> AsyncGenerator[bytes]:
    view, skip = _View(yard, job, everything=everything), cursor.lines
    after = min(cursor.seq, job.last_seq)
    if everything and not skip:
        yield b"id: %d\n\n" % after  # a stream that breaks before its first event goes on from here
    async with aclosing(yard.tails.follow(job.id, after, idle=view.idle)) as events:
        async for event in events:
            if event is None:
                piece = await view.while_idle()
            else:
                piece = await view.render(event, skip=skip)
                skip = 0
            if piece:
                view.said()
                yield piece
            if event is not None and event.ends_job:
                return
    yield GOING_AWAY


class _View:
    """What one watcher is shown. What is the same for all watchers is rendered once in the process."""

    def __init__(self, yard: Yard, job: Job, *, everything: bool) -> None:
        self._yard = yard
        self._job = job.id
        self._everything = everything
        self._heartbeat = yard.settings.stream_heartbeat
        self.idle = min(QUEUE_LOOK, self._heartbeat) if everything else self._heartbeat
        self._now = asyncio.get_running_loop().time
        self._last = self._now()
        self._attempt = 0
        self._position: int | None = None
        self._seq = 0

    def said(self) -> None:
        """Something was sent."""
        self._last = self._now()

    async def render(self, event: Event, *, skip: int = 0) -> bytes:
        """An event, without its first ``skip`` lines."""
        self._seq = event.seq
        if skip and event.type == LOG:
            return b"".join(_log_lines(event)[skip:])
        if event.type != STATE:
            return _rendered(event, everything=self._everything)
        data = event.data
        state = State(str(data["state"]))
        if state.ended:
            if self._everything:
                return _complete(await self._yard.jobs.get(self._job), everything=True)
            return _message(b"%d" % event.seq, {"type": "complete", "success": success_of(state)})
        if not self._everything:
            return b""
        attempt = data.get("attempt")
        self._attempt = attempt if isinstance(attempt, int) else self._attempt
        self._position = await self._place() if state is State.QUEUED else None
        return self._state(state)

    async def while_idle(self) -> bytes:
        """A new place in the queue, a sign of life, or nothing yet."""
        if self._position is not None and (place := await self._place()) not in {None, self._position}:
            self._position = place
            return self._state(State.QUEUED)
        return HEARTBEAT if self._now() - self._last >= self._heartbeat * 0.9 else b""

    def _state(self, state: State) -> bytes:
        body = {
            "type": "state",
            "status": status_of(state),
            "queue_position": self._position,
            "attempt": self._attempt,
        }
        return _message(b"%d" % self._seq, body)

    async def _place(self) -> int | None:
        return await self._yard.jobs.queue_position(await self._yard.jobs.get(self._job))


@lru_cache(maxsize=64)
def _rendered(event: Event, *, everything: bool) -> bytes:
    """What all watchers of one kind get for an event. Cached by identity: they share the tail's events."""
    if event.type == LOG:
        return b"".join(_log_lines(event))
    if everything and event.type in {PHASE, TEST}:
        return _message(b"%d" % event.seq, {"type": event.type, **event.data})
    return b""


def _log_lines(event: Event) -> list[bytes]:
    """One event per line of output, or per part of a line that was still being written."""
    *whole, rest = event.body.decode("utf-8", "replace").split("\n")
    lines = [f"{line}\n" for line in whole] + ([rest] if rest else [])
    cursors = [*(f"{event.seq}.{number}" for number in range(1, len(lines))), str(event.seq)]
    return [
        f'id: {cursor}\ndata: {{"type": "log", "data": {encode_basestring_ascii(line)}}}\n\n'.encode("ascii")
        for cursor, line in zip(cursors, lines, strict=True)
    ]


def _complete(job: Job, *, everything: bool) -> bytes:
    body: dict[str, object] = {"type": "complete", "success": success_of(job.state) or False}
    if everything:
        body |= {"status": status_of(job.state, job.error_code), **outcome(job)}
    return _message(b"%d" % job.last_seq, body)


def _message(cursor: bytes | None, body: Mapping[str, object]) -> bytes:
    """One event; its JSON is ASCII and has spaces after ``,`` and ``:``, as it always had."""
    return frame(json.dumps(body).encode("ascii"), cursor=cursor)
