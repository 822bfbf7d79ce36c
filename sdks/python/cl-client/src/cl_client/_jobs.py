"""The jobs that somebody follows: what is known of each, who is told, and who sees to it that nothing is missed.

Everything here runs on the home loop, so nothing is locked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from pydantic import ValidationError

from ._home import Home
from ._link import BrokerLink
from ._subscription import Subscription
from ._track import Track
from ._watch import GIVE_UP, Records, Watch
from .config import ComputeClientConfig
from .models import JobResponse

log = logging.getLogger("cl_client")

_UNCLAIMED: Final = 512
"""Jobs without a subscription whose events are kept: the subscription may be on its way."""


class JobBoard:
    """Tracks, subscriptions and watches.

    Args:
        home: where callbacks run.
        link: the connection to the broker.
        records: where to ask for records; None leaves only what events tell.
        user: the number under which the server publishes this user's jobs; None if unknown.
        refresh: sees to it that the link's credentials are good.
    """

    def __init__(
        self,
        home: Home,
        link: BrokerLink,
        records: Records | None,
        *,
        user: Callable[[], str | None],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._home = home
        self._link = link
        self._records = records
        self._user = user
        self._refresh = refresh
        self._tracks: dict[str, Track] = {}
        self._joined: dict[str, tuple[str | None, int | None]] = {}
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def add(self, subscription: Subscription) -> None:
        """Begin to tell a subscriber."""
        self.subscriptions[subscription.id] = subscription
        track = self.track(subscription.job_id)
        latest = track.latest
        if latest is not None:
            # The job's first events were quicker than the subscription.
            if track.ended:
                del self.subscriptions[subscription.id]
                self._drop(subscription.job_id)
            self._home.soon(lambda: subscription.tell_first(latest, self._home))
        if track.ended:
            return
        if self._records is None or self._home.loop is None:
            self._link.want(ComputeClientConfig.MQTT_JOB_EVENTS_TOPIC)
        elif track.job_id not in self._watches:
            self._watch(track, self._records, self._home.loop)

    def remove(self, subscription: Subscription) -> None:
        """Tell a subscriber no more."""
        self.subscriptions.pop(subscription.id, None)
        if not self._of(subscription.job_id) and subscription.job_id in self._watches:
            self._watches.pop(subscription.job_id)[1].cancel()

    def track(self, job_id: str) -> Track:
        """What is known of a job, which may be nothing yet."""
        track = self._tracks.get(job_id)
        if track is None:
            track = self._tracks[job_id] = Track(job_id)
            self._drop_unclaimed()
        return track

    def expect(self, job_id: str, topic: str | None) -> None:
        """A job that somebody will want to be told of.

        Args:
            job_id: the job.
            topic: where its events come, confirmed before the job was submitted; None where that is to be found out.
        """
        self.track(job_id)
        self._joined[job_id] = (topic, self._link.generation if topic is not None else None)

    def expected(self, job_id: str) -> Track | None:
        """What is known of such a job; None for another."""
        return self._tracks.get(job_id) if job_id in self._joined else None

    def task_type(self, job_id: str) -> str | None:
        """What a subscriber said that the job is; None if nobody follows it."""
        found = self._of(job_id)
        return found[0].task_type if found else None

    def latest(self, job_id: str) -> JobResponse | None:
        """The newest record, or None."""
        track = self._tracks.get(job_id)
        return track.latest if track is not None else None

    def observe(self, record: JobResponse, *, whole: bool) -> None:
        """A record has come; one that is not whole tells the state alone."""
        track = self._tracks.get(record.job_id)
        if track is None or track.ended:
            return
        if record.ended and not whole and self._records is not None and self._home.loop is not None:
            if record.job_id not in self._fetching:
                self._fetching[record.job_id] = self._home.loop.create_task(self._end_of(record, self._records))
        elif track.observe(record):
            self._tell(track)

    def wake(self) -> None:
        """The connection has come or gone."""
        for watch, _ in self._watches.values():
            watch.wake()

    def close(self) -> None:
        """Tell nobody any more."""
        self.subscriptions.clear()
        tasks = [task for _, task in self._watches.values()] + list(self._fetching.values())
        self._watches.clear()
        for task in tasks:
            task.cancel()

    def _of(self, job_id: str) -> list[Subscription]:
        return [subscription for subscription in list(self.subscriptions.values()) if subscription.job_id == job_id]

    def _tell(self, track: Track) -> None:
        latest, followers = track.latest, self._of(track.job_id)
        if latest is None or not followers:
            return
        if track.ended:
            for subscription in followers:
                del self.subscriptions[subscription.id]
            self._drop(track.job_id)
            watched = self._watches.pop(track.job_id, None)  # at once: who comes now is told by a watch of their own
            if watched is not None and watched[1] is not asyncio.current_task():
                watched[1].cancel()
        for subscription in followers:
            subscription.tell(latest, self._home)

    async def _end_of(self, told: JobResponse, records: Records) -> None:
        """The event says that the job has ended; the record says how."""
        record = told
        try:
            record = await records.fetch(told.job_id)
        except (*GIVE_UP, httpx.HTTPError, ValidationError) as error:
            log.warning("job %s has ended, but its record can't be had: %s", told.job_id, error)
        finally:
            self._fetching.pop(told.job_id, None)
        self.observe(record if record.ended else told, whole=True)

    def _watch(self, track: Track, records: Records, loop: asyncio.AbstractEventLoop) -> None:
        topic, generation = self._joined.get(track.job_id, (None, None))
        user = self._user()
        watch = Watch(
            track,
            self._link,
            records,
            topic=topic,
            generation=generation,
            personal=f"{ComputeClientConfig.MQTT_USER_TOPIC_PREFIX}/{user}/+/{track.job_id}" if user else None,
            on_record=lambda record: self.observe(record, whole=True),
            refresh=self._refresh,
        )
        self._watches[track.job_id] = (watch, loop.create_task(self._run(track.job_id, watch)))

    async def _run(self, job_id: str, watch: Watch) -> None:
        try:
            await watch.run()
        except (*GIVE_UP, httpx.HTTPError, ValidationError) as error:
            log.warning("job %s can't be followed any further: %s", job_id, error)
            for subscription in self._of(job_id):
                del self.subscriptions[subscription.id]
                subscription.fail(error, self._home)
        finally:
            found = self._watches.get(job_id)
            if found is not None and found[0] is watch:
                del self._watches[job_id]

    def _drop(self, job_id: str) -> None:
        self._tracks.pop(job_id, None)
        self._joined.pop(job_id, None)

    def _drop_unclaimed(self) -> None:
        if len(self._tracks) <= _UNCLAIMED + len(self.subscriptions):
            return
        wanted = {subscription.job_id for subscription in self.subscriptions.values()}
        for job_id in [job_id for job_id in self._tracks if job_id not in wanted][:-_UNCLAIMED]:
            self._drop(job_id)
