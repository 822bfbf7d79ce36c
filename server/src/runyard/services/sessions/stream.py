"""A session's event log in the protocol's words: as server-sent events, or as a page of JSON."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Final, cast

import msgspec

from runyard.jobs import ARTIFACT, LOG, MESSAGE, STATE, Event, EventsExpired, Job, JobNotFound, State
from runyard.services.sessions.standing import ending, timestamp
from runyard.services.sessions.words import OUTPUT, USER_SAYS, Tells
from runyard.sizes import MIB
from runyard.web.sse import GOING_AWAY, HEARTBEAT, frame
from runyard.yard import Yard

PAGE: Final = 500
PAGE_BYTES: Final = 4 * MIB
"""Events, and bytes of them, at which a page of JSON ends."""


async def stream(yard: Yard, job: Job, *, after: int) -> AsyncGenerator[bytes]:
    """The events after number ``after`` as they come, up to the end of the session."""
    if job.state.ended and after >= job.last_seq:
        yield _last(job)
        return
    after = min(after, job.last_seq)
    yield b"id: %d\n\n" % after  # a stream that breaks before its first event goes on from here
    try:
        events = yard.tails.follow(job.id, after, idle=yard.settings.stream_heartbeat * 0.9)
        async with aclosing(events):
            async for event in events:
                piece = HEARTBEAT if event is None else _message(event)
                if piece:
                    yield piece
                if event is not None and event.ends_job:
                    return
        yield GOING_AWAY
    except JobNotFound:  # somebody has deleted it: whoever comes back is told so
        return
    except EventsExpired:
        yield _last(await yard.jobs.get(job.id))


async def page(yard: Yard, job: Job, *, after: int) -> dict[str, object]:
    """The events after number ``after`` that there are, as many as fit into a page."""
    items, last = [], min(after, job.last_seq)
    size = 0
    async for event in yard.tails.events(job, last):
        last = event.seq
        size += len(event.body)
        if (told := tell(event)) is not None:
            items.append(told)
        if len(items) == PAGE or size >= PAGE_BYTES:
            break
    return {"items": items, "last": last, "ended": job.state.ended and last >= job.last_seq}


def tell(event: Event) -> dict[str, object] | None:
    """An event as users see it; None if it isn't for them."""
    told = TELLERS.get(event.type)
    body = None if told is None else told(event)
    return None if body is None else {"seq": event.seq, "at": timestamp(event.at, precise=True), **body}


def _as_it_is(event: Event) -> Mapping[str, object]:
    return {"type": event.type, **event.data}


def _log(event: Event) -> Mapping[str, object]:
    return {"type": "log", "content": event.body.decode("utf-8", "replace")}


def _said(event: Event) -> Mapping[str, object]:
    return {"type": "message", **event.data}


def _heard(event: Event) -> Mapping[str, object] | None:
    """What came for the agent. Only what is meant for its ears is part of the conversation."""
    data = event.data
    return {"type": "message", "role": "user", "content": data["content"]} if data["type"] == USER_SAYS else None


def _artifact(event: Event) -> Mapping[str, object] | None:
    """A file, unless it is one of the yard's own."""
    data = event.data
    name = str(data["name"])
    return {"type": "artifact", **data, "name": name.removeprefix(OUTPUT)} if name.startswith(OUTPUT) else None


def _waits(event: Event) -> Mapping[str, object]:
    person = event.data["for"]
    return {"type": "status", "status": "running"} | ({} if person is None else {"waiting": person})


def _state(event: Event) -> Mapping[str, object] | None:
    data = event.data
    state = State(str(data["state"]))
    if state.ended:
        return {"type": "status", **ending(state, cast("Mapping[str, object] | None", data.get("error")))}
    # A session that has been at work stays so for its users, whatever its job goes through.
    if state is State.RUNNING and data["attempt"] == 1:
        return {"type": "status", "status": "running"}
    return {"type": "status", "status": "pending"} if event.seq == 1 else None


TELLERS: Final[Mapping[str, Callable[[Event], Mapping[str, object] | None]]] = {
    LOG: _log,
    STATE: _state,
    MESSAGE: _heard,
    ARTIFACT: _artifact,
    Tells.SAID: _said,
    Tells.WAITS: _waits,
    **dict.fromkeys(
        (Tells.REPO, Tells.DELTA, Tells.TOOL_CALL, Tells.TOOL_RESULT, Tells.APPROVAL, Tells.USAGE, Tells.NOTE),
        _as_it_is,
    ),
}
"""How each type of event is told. There are no others for users."""


@lru_cache(maxsize=256)
def _message(event: Event) -> bytes:
    """What all watchers of a session get for an event. Cached by identity: they share the tail's events."""
    told = tell(event)
    return b"" if told is None else _encoded(told)


def _last(job: Job) -> bytes:
    at = timestamp(job.ended_at or job.created_at, precise=True)
    return _encoded({"seq": job.last_seq, "at": at, "type": "status", **ending(job.state, job.error)})


def _encoded(told: Mapping[str, object]) -> bytes:
    return frame(msgspec.json.encode(told), cursor=str(told["seq"]).encode(), event=str(told["type"]).encode())
