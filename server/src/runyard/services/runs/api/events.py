"""What happens in a workspace, as it happens: CloudEvents over server-sent events, from any number on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from runyard.services.runs.api.edge import Entered, Visit, router
from runyard.services.runs.models.base import Id
from runyard.services.runs.refused import Refused, invalid
from runyard.services.runs.words import Act
from runyard.web.sse import GOING_AWAY, HEARTBEAT, EventStream

LONGEST: Final = 3600.0
"""Seconds after which a stream ends, so that its reader has to show a token that is still good."""

CONNECTED: Final = b": connected\n\n"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")

routes: APIRouter = router("Events")


@routes.get(
    "/events:stream",
    operation_id="streamWorkspaceEvents",
    response_class=EventStream,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
@routes.get("/events/stream", include_in_schema=False)
async def stream(
    visit: Entered,
    *,
    after: Annotated[str | None, Query(max_length=20)] = None,
    run: Annotated[Id | None, Query(alias="runId")] = None,
) -> Response:
    """New events; with ``Last-Event-ID`` or ``after``, those after that number first: 0 is the beginning."""
    visit.caller.require(Act.READ)
    said = visit.request.headers.get("last-event-id") or after
    if said is not None and _NUMBER.fullmatch(said) is None:
        raise invalid("after", f"{said[:100]!r} is not the id of an event, which is a number")
    reach = await visit.room.streams.reach(visit.caller.workspace)
    begin = reach.newest if said is None else min(int(said), reach.newest)
    if said not in {None, "0"} and begin < reach.after:
        text = f"The events up to {reach.after} are past their retention. Go on after={reach.after}, or without."
        raise Refused("gone", text, extra={"oldest": reach.after + 1})
    return EventStream(_pieces(visit, max(begin, reach.after), run, newest=reach.newest))


async def _pieces(visit: Visit, after: int, run: str | None, *, newest: int) -> AsyncGenerator[bytes]:
    room, clock = visit.room, asyncio.get_running_loop().time
    patience = room.yard.settings.stream_heartbeat * 0.9
    yield CONNECTED
    yield _place(after)
    end, spoken = clock() + LONGEST, clock()
    events = room.streams.follow(visit.caller.workspace, after, newest=newest, idle=patience)
    async with aclosing(events):
        async for event in events:
            wanted = event is not None and run in {None, event.run}
            if event is None or wanted or clock() - spoken >= patience:
                again = await visit.still()
                if again is None or not again.may(Act.READ) or clock() > end:
                    break
                spoken = clock()
                if event is None:
                    yield HEARTBEAT
                else:
                    yield event.frame if wanted else HEARTBEAT + _place(event.seq)
    yield GOING_AWAY


def _place(seq: int) -> bytes:
    """Tells a reader where it is: a stream that breaks before its next event goes on from here."""
    return b"id: %d\n\n" % seq
