"""Waiting for the end of a job: until it is told, or by asking."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ._track import Track
from ._watch import HOLD, LongPoll
from .config import ComputeClientConfig
from .models import JobResponse

if TYPE_CHECKING:
    from ._job_calls import JobCalls
    from .mqtt_monitor import MQTTJobMonitor


async def told_end(monitor: MQTTJobMonitor, track: Track, *, limit: float | None) -> JobResponse:
    """The end of a job whose events come in.

    Args:
        monitor: where they come in.
        track: what is known of the job.
        limit: seconds to wait; None waits as long as it takes.

    Raises:
        TimeoutError: it did not end in time.
    """
    end: asyncio.Future[JobResponse] = asyncio.get_running_loop().create_future()
    subscription = monitor.subscribe_job_updates(
        job_id=track.job_id, on_complete=end.set_result, on_error=end.set_exception
    )
    try:
        await asyncio.wait({end}, timeout=limit)
    finally:
        if not end.done():
            monitor.unsubscribe(subscription)
            end.cancel()
    if end.cancelled():
        raise _too_late(track.job_id, limit, track.latest.status if track.latest is not None else "queued")
    return end.result()


async def asked_end(calls: JobCalls, job_id: str, *, interval: float | None, limit: float | None) -> JobResponse:
    """The end of any job: from a server that holds its answer, or else by asking again.

    Args:
        calls: whom to ask.
        job_id: the job.
        interval: ask so often, in seconds, and ever more rarely; None asks the server to hold its answer.
        limit: seconds to wait; None waits as long as it takes.

    Raises:
        TimeoutError: it did not end in time.
    """
    started = time.monotonic()
    job = await calls.get_job(job_id)
    poll = LongPoll(calls, job_id, until_end=True)
    while not job.ended:
        left = HOLD if limit is None else limit - (time.monotonic() - started)
        if left <= 0:
            raise _too_late(job_id, limit, job.status)
        if interval is None:
            job = await poll.next(job, limit=left) or job
            continue
        await asyncio.sleep(interval if limit is None else min(interval, left))
        job = await calls.get_job(job_id)
        longest = max(interval, ComputeClientConfig.MAX_POLL_BACKOFF)
        interval = min(interval * ComputeClientConfig.POLL_BACKOFF_MULTIPLIER, longest)
    return job


def _too_late(job_id: str, limit: float | None, status: str) -> TimeoutError:
    return TimeoutError(f"Job {job_id} timeout after {limit:g}s (status: {status})")
