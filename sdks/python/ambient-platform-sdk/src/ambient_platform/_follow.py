"""Follows a session's events over any number of connections: each once, in order, up to the last."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final, Literal, TypeAlias, cast

import httpx

from ._calls import get_session, session_path
from ._core import Core, Refusal, log
from ._port import Body, Request
from ._wire.errors import ProtocolError, StreamLost
from ._wire.httpx_shell import header
from ._wire.retry import is_retryable
from ._wire.sse import Decoder, ServerEvent
from ._wire.stream import Resume
from .events import Event, event_of
from .exceptions import AmbientConnectionError, NotSupportedError, ResponseError, StreamLostError

LAST: Final = "last"

Position: TypeAlias = "int | Literal['last']"
"""Where to begin: behind an event of this number, or behind the last one that there is when the server is asked."""


async def follow(
    core: Core, session_id: str, *, after: Position | None = None, until: float | None = None
) -> AsyncGenerator[Event, None]:
    """Every event after a number, up to the end of the session.

    Args:
        core: the client's.
        session_id: whose events.
        after: the last one that is known, or `last`; None begins with the first.
        until: when to leave, on the clock; what has not come by then is missing.

    Raises:
        StreamLostError: the stream broke, and couldn't be taken up again in time.
        NotSupportedError: the server has no streams.
        AmbientAPIError: it said no.
    """
    path = session_path(session_id, "events")
    following = _Following(core, after)
    while core.left(until) != 0:
        request = core.request(
            "GET", path, query=following.query(), headers=following.headers(), silence=core.silence, until=until
        )
        broken: Refusal | None = None
        try:
            async with aclosing(_read(core, request, following, until)) as events:
                async for event in events:
                    yield event
        except httpx.RequestError as error:
            broken = core.broken(error)
        except _Refused as refused:
            broken = refused.refusal
        if following.ended or (broken is None and await _is_over(core, session_id, following)):
            return
        delay = following.pause(broken)
        left = core.left(until)
        log.debug("the events of %s broke off; going on after %s in %.1f s", session_id, following.seen, delay)
        await core.port.sleep(delay if left is None else min(delay, left))


class _Refused(Exception):
    """The server answered a stream's request with an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal.problem))
        self.refusal = refusal


class _Following:
    """How far one has come, and what breaks may still follow.

    The first connection gives up as soon as any call does; only a stream that once flowed is waited for.
    """

    def __init__(self, core: Core, after: Position | None) -> None:
        known = after if isinstance(after, int) else None
        cursor = None if known is None else str(known)
        self.resume = Resume(core.stream_policy, clock=core.clock, random=core.chance, cursor=cursor)
        self.seen = -1 if known is None else known
        self.fresh = False
        self.over = False
        self._flows = False
        self._from_last = after == LAST
        self._attempts = core.attempts(replayable=True)

    @property
    def ended(self) -> bool:
        return self.resume.ended

    def query(self) -> tuple[tuple[str, str], ...]:
        # The answer begins with the number of that event: from then on the header says more.
        return (("after", LAST),) if self._from_last and self.resume.cursor is None else ()

    def headers(self) -> dict[str, str]:
        # Compression would hold events back.
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        return headers if self.resume.cursor is None else {**headers, "Last-Event-ID": self.resume.cursor}

    def connected(self) -> None:
        self.resume.connected()
        self._flows = True
        self.fresh = False

    def takes(self, event: Event) -> bool:
        """Whether the event is a new one."""
        if event.seq <= self.seen:
            return False
        self.seen = event.seq
        self.fresh = True
        self.resume.received(str(event.seq), terminal=event.terminal)
        return True

    def moved(self, position: str | None) -> None:
        """The server has said where the stream is, perhaps without an event."""
        if position is not None and position.isdecimal() and int(position) > self.seen:
            self.seen = int(position)
            self.resume.moved(position)

    def pause(self, broken: Refusal | None) -> float:
        """Seconds to wait before the next connection; raises what the stream ends with if there is to be none."""
        if self.over:
            return 0.0
        failure = None if broken is None else broken.failure
        if broken is not None and not self._flows:
            delay = self._attempts.after(broken.failure)
            if delay is None:
                raise broken.problem from broken.cause
            return delay
        if broken is not None and broken.failure.kind == "status" and not is_retryable(broken.failure, replayable=True):
            raise broken.problem
        try:
            return self.resume.disconnected(failure, "the server ended it" if broken is None else broken.reason)
        except StreamLost as lost:
            raise StreamLostError(str(lost)) from (None if broken is None else broken.cause)


async def _read(
    core: Core, request: Request, following: _Following, until: float | None
) -> AsyncGenerator[Event, None]:
    """The new events of one connection."""
    async with core.port.open(request, seconds=core.left(until)) as body:
        await _check(core, body)
        following.connected()
        decoder = Decoder()
        while (piece := await body.read()) is not None:
            for event in _events(decoder, piece):
                if following.takes(event):
                    yield event
                    if event.terminal:
                        return
            following.moved(decoder.last_event_id)
            following.resume.hinted(decoder.retry)


async def _check(core: Core, body: Body) -> None:
    response = body.response
    if not response.is_success:
        await body.drain()
        raise _Refused(core.refused(response, superset=True))
    kind = header(response, "Content-Type") or "no content type"
    if not kind.startswith("text/event-stream"):
        core.ours = False
        raise NotSupportedError(
            f"API error ({response.status_code}): {response.url.path} answered with {kind} instead of a stream of"
            " events: is this the right server?",
            status=response.status_code,
        )


def _events(decoder: Decoder, piece: bytes) -> Iterator[Event]:
    try:
        sent = decoder.feed(piece)
    except ProtocolError as error:
        raise ResponseError(f"The server's answer is wrong: {error}") from None
    return map(_event, sent)


def _event(sent: ServerEvent) -> Event:
    try:
        value = cast("object", json.loads(sent.data))
    except ValueError:
        raise ResponseError(f"The server's answer is wrong: an event is no JSON: {sent.data:.200}") from None
    return event_of(value, event_type=sent.event, event_id=sent.id)


async def _is_over(core: Core, session_id: str, following: _Following) -> bool:
    """Whether a connection that ended with nothing new means that there is nothing more.

    That is so when the session was over before it began: who goes on after the last event gets no last event.
    """
    if following.fresh:
        return False
    if following.over:
        return True
    try:
        following.over = (await get_session(core, session_id)).ended
    except AmbientConnectionError:
        return False
    return False
