"""Waiting for a run to end, by its events and not by asking again and again."""

from __future__ import annotations

import asyncio
import time

from .api.runs import get_run
from .client import AuthenticatedClient
from .errors import RunNotFinished
from .events import Event, watch, watch_async
from .models.run_status import RunStatus
from .models.run_v1 import RunV1

_ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
_ENDS = ("RunSucceeded", "RunFailed", "RunCancelled")


def wait_for_run(client: AuthenticatedClient, workspace_id: str, run_id: str, *, timeout: float | None = None) -> RunV1:
    """The run once it has ended, however.

    Args:
        client: who asks.
        workspace_id: where.
        run_id: which.
        timeout: seconds to wait at most; for ever, without.

    Raises:
        RunNotFinished: it goes on.
        errors.ApiError: the server says no.
    """
    until = None if timeout is None else time.monotonic() + timeout
    for event in watch(client, workspace_id, until=until):
        if _tells(event, run_id):
            run = get_run.sync(workspace_id, run_id, client=client)
            if run.status in _ENDED:
                return run
    raise _unfinished(run_id, timeout)


async def await_run(
    client: AuthenticatedClient, workspace_id: str, run_id: str, *, timeout: float | None = None
) -> RunV1:
    """The run once it has ended, however; see :func:`wait_for_run`."""
    try:
        return await asyncio.wait_for(_ended(client, workspace_id, run_id), timeout)
    except asyncio.TimeoutError:
        raise _unfinished(run_id, timeout) from None


async def _ended(client: AuthenticatedClient, workspace_id: str, run_id: str) -> RunV1:
    async for event in watch_async(client, workspace_id):
        if _tells(event, run_id):
            run = await get_run.asyncio(workspace_id, run_id, client=client)
            if run.status in _ENDED:
                return run
    raise AssertionError  # the stream has no end


def _tells(event: Event | None, run_id: str) -> bool:
    """Whether it is time to look: at the beginning, and when the run is said to have ended."""
    return event is None or (event.run_id == run_id and event.type.endswith(_ENDS))


def _unfinished(run_id: str, timeout: float | None) -> RunNotFinished:
    return RunNotFinished(f"Run {run_id!r} has not ended within {timeout} s; it goes on.")
