"""Waits for the end of a session: by its events where the server has them, by asking again and again where not."""

from __future__ import annotations

from contextlib import aclosing

from ._calls import get_session
from ._core import Core, log
from ._follow import LAST, follow
from .exceptions import AmbientAPIError, SessionTimeout
from .types import SessionResponse


async def wait_for_completion(
    core: Core, session_id: str, poll_interval: float, timeout: float | None
) -> SessionResponse:
    """The session, when it has ended.

    Args:
        core: the client's.
        session_id: which one.
        poll_interval: seconds between two questions, where there are no events.
        timeout: seconds to wait; None or 0 waits as long as it takes.

    Raises:
        SessionTimeout: it has not ended in time.
        AmbientAPIError: the server can't be asked any more.
    """
    if poll_interval < 0 or (timeout is not None and timeout < 0):
        raise ValueError(f"poll_interval and timeout can't be negative: {poll_interval!r}, {timeout!r}")
    until = core.clock() + timeout if timeout else None
    session = await get_session(core, session_id)
    if session.ended:
        return session
    if core.ours is not False:
        await _end_of_stream(core, session_id, until)
    return await _end_by_asking(core, session_id, poll_interval, timeout, until)


async def _end_of_stream(core: Core, session_id: str, until: float | None) -> None:
    """Return at the session's last event, at the deadline, or where no events can be had."""
    try:
        async with aclosing(follow(core, session_id, after=LAST, until=until)) as events:
            async for event in events:
                if event.terminal:
                    return
    except AmbientAPIError as error:
        log.debug("no events of %s (%s); asking for its status instead", session_id, error)


async def _end_by_asking(
    core: Core, session_id: str, poll_interval: float, timeout: float | None, until: float | None
) -> SessionResponse:
    while True:
        try:
            session = await get_session(core, session_id, until=until)
        except AmbientAPIError as error:
            if core.left(until) == 0:
                raise _timeout(timeout) from error
            raise
        if session.ended:
            return session
        left = core.left(until)
        if left == 0:
            raise _timeout(timeout)
        await core.port.sleep(poll_interval if left is None else min(poll_interval, left))


def _timeout(timeout: float | None) -> SessionTimeout:
    return SessionTimeout(f"Session monitoring timed out after {timeout} seconds")
