"""Answers that wait a while for news."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Final

from runyard.jobs import Job
from runyard.yard import Yard

LONGEST_WAIT: Final = 60.0
"""Most seconds that a request may ask to be kept waiting."""


async def news_of(yard: Yard, job: Job, *, patience: float, end: bool = False) -> Job:
    """The job once something has happened to it, at the latest after ``patience`` seconds.

    Args:
        end: wait for its end, whatever happens before.

    Raises:
        JobNotFound: somebody has deleted it meanwhile.
    """
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(patience),
            aclosing(yard.tails.follow(job.id, job.last_seq, idle=patience)) as events,
        ):
            async for event in events:
                if event is not None and (not end or event.ends_job):
                    break
    return await yard.jobs.get(job.id)
