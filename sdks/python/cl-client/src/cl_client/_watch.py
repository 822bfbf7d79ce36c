"""Sees to it that a job's end is noticed, whatever happens to the broker.

With a live subscription it waits for events and looks at the record now and then; without one it asks the server to
hold its answer until something has happened; with a server that can't do that either it asks again and again, more and
more rarely.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import httpx

from ._link import BrokerLink
from ._track import Track
from ._workers import set_within
from .config import ComputeClientConfig
from .exceptions import AuthenticationError, JobNotFoundError, PermissionError
from .models import JobResponse

log = logging.getLogger("cl_client")

SWEEP: Final = 30.0
"""Seconds between two looks at a job whose events come in. Shorter than the last minute of a token, see `_watch`."""

HOLD: Final = 25.0
"""Seconds that the server is asked to hold an answer."""

PATIENCE: Final = 300.0
"""Seconds without any answer after which a job is given up."""

CONFIRMATION: Final = 3.0
"""Seconds to wait for the broker to confirm a subscription."""

GIVE_UP = (JobNotFoundError, AuthenticationError, PermissionError)
"""Errors that waiting doesn't mend."""


class Records(Protocol):
    """Where records come from."""

    async def fetch(self, job_id: str, *, wait: float = 0, after: int | None = None) -> JobResponse:
        """The record; with `wait`, when its `seq` is larger than `after` or so many seconds have passed."""
        ...


class LongPoll:
    """Asks for a job's record over and over, as slowly as the server's answers allow.

    Args:
        records: where to ask.
        job_id: the job.
        until_end: ask to be answered at the job's end only, not at each change.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        records: Records,
        job_id: str,
        *,
        until_end: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._job_id = job_id
        self._until_end = until_end
        self._clock = clock
        self._pause = ComputeClientConfig.DEFAULT_POLL_INTERVAL
        self._answered = clock()

    async def next(self, latest: JobResponse | None, *, limit: float = HOLD) -> JobResponse | None:
        """The next record; None when no answer came this time.

        Args:
            latest: the record to wait for a change of; None asks for the present one.
            limit: seconds this may take, more or less.

        Raises:
            JobNotFoundError, AuthenticationError, PermissionError: asking again won't help.
            httpx.HTTPError: there has been no answer for too long.
        """
        asked = self._clock()
        hold = 0.0 if latest is None else min(HOLD, max(limit, 0.0))
        after = latest.seq if latest is not None and not self._until_end else None
        try:
            record = await self._records.fetch(self._job_id, wait=hold, after=after)
        except GIVE_UP:
            raise
        except httpx.HTTPError as error:
            if self._clock() - self._answered > PATIENCE:
                raise
            log.debug("no answer about job %s: %s", self._job_id, error)
            await self._rest(limit)
            return None
        self._answered = self._clock()
        if latest is None or record.ended or record.seq != latest.seq or record.progress != latest.progress:
            self._pause = ComputeClientConfig.DEFAULT_POLL_INTERVAL
        early = self._answered - asked < min(self._pause, hold)
        if early and not record.ended and (after is None or record.seq == after):
            await self._rest(limit)  # the server didn't hold its answer
        return record

    async def _rest(self, limit: float) -> None:
        await asyncio.sleep(max(0.0, min(self._pause, limit)))
        self._pause = min(
            self._pause * ComputeClientConfig.POLL_BACKOFF_MULTIPLIER, ComputeClientConfig.MAX_POLL_BACKOFF
        )


class Watch:
    """Follows one job until its end.

    Args:
        track: what is known of the job.
        topic: where its events come, or None when that has to be found out first.
        generation: the connection on which nothing of the job can have been missed, or None.
        personal: the topic of this very job, on servers that have topics for users; None where the user is unknown.
        on_record: told every record that was asked for.
        refresh: called now and then: sees to it that the link's credentials are good.
    """

    def __init__(
        self,
        track: Track,
        link: BrokerLink,
        records: Records,
        *,
        topic: str | None,
        generation: int | None,
        personal: str | None,
        on_record: Callable[[JobResponse], None],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._track = track
        self._link = link
        self._records = records
        self._topic = topic
        self._seen = generation
        self._personal = personal
        self._on_record = on_record
        self._refresh = refresh
        self._awake = asyncio.Event()
        self._poll = LongPoll(records, track.job_id)

    def wake(self) -> None:
        """Something has changed: an event has come, or the connection has."""
        self._awake.set()

    async def run(self) -> None:
        """Follow the job.

        Raises:
            JobNotFoundError, AuthenticationError, PermissionError, httpx.HTTPError: it can't be followed any further.
        """
        try:
            while self._track.latest is None and self._topic is None:
                self._take(await self._poll.next(None))
            if self._topic is None and not self._track.ended:
                await self._join()
            while not self._track.ended:
                self._awake.clear()
                if self._topic is None or not self._link.live(self._topic):
                    self._take(await self._poll.next(self._track.latest))
                elif self._seen != self._link.generation:
                    self._seen = self._link.generation
                    await self._look()
                elif not await set_within(self._awake, SWEEP):
                    await self._look()
                    await self._refresh()
        finally:
            if self._topic is not None and self._topic == self._personal:
                self._link.unwant(self._topic)

    async def _join(self) -> None:
        """Subscribe to where this server tells the job's events: one that numbers its changes has topics for users."""
        self._topic = self._personal if self._track.seq is not None else ComputeClientConfig.MQTT_JOB_EVENTS_TOPIC
        if self._topic is not None:
            await self._link.ready(self._topic, timeout=CONFIRMATION)

    async def _look(self) -> None:
        try:
            self._take(await self._records.fetch(self._track.job_id))
        except GIVE_UP:
            raise
        except httpx.HTTPError as error:
            log.debug("no answer about job %s, whose events still come in: %s", self._track.job_id, error)

    def _take(self, record: JobResponse | None) -> None:
        if record is not None:
            self._on_record(record)
