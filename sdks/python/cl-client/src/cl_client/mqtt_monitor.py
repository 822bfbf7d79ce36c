"""`MQTTJobMonitor`: jobs and workers as the broker tells of them, handed to callbacks.

With a source of records (a `ComputeClient` is one) nothing depends on the broker: what it doesn't tell is asked for.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final, Protocol

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from ._home import Home
from ._jobs import JobBoard
from ._json import json_object
from ._link import BrokerLink
from ._subscription import Subscription
from ._track import Track
from ._watch import CONFIRMATION, Records
from ._workers import Ask, WorkerBoard, WorkerCallback
from .auth import AuthProvider, NoAuthProvider, bearer_of, token_claims
from .config import ComputeClientConfig
from .exceptions import ComputeClientError
from .models import JobResponse, OnJobResponseCallback, WorkerCapability
from .server_config import ServerConfig, broker_address

log = logging.getLogger("cl_client")

_EVENTS: Final = ComputeClientConfig.MQTT_JOB_EVENTS_TOPIC
_WORKERS: Final = f"{ComputeClientConfig.MQTT_CAPABILITY_TOPIC_PREFIX}/"
_USERS: Final = ComputeClientConfig.MQTT_USER_TOPIC_PREFIX
_GUEST: Final = "0"


class Message(Protocol):
    """What the broker delivers."""

    @property
    def topic(self) -> str:
        """Where it was published."""
        ...

    @property
    def payload(self) -> bytes | bytearray:
        """What was published."""
        ...


class MQTTJobMonitor:
    """Subscriptions to jobs and workers. It connects when it is first needed, in a thread of its own.

    Callbacks run on the event loop that was running when the monitor was made or first used: plain functions at once,
    coroutine functions one after the other. Without a loop, plain functions run in the broker's thread.

    Args:
        broker, port: the broker; read from the environment otherwise. An empty `broker` means that there is none.
        connect_timeout: seconds that a connect may take.
        auth: whose jobs; a guest's otherwise.
        records: where to ask for a job's record.
        ask_workers: where to ask for workers while there is no broker.
    """

    def __init__(
        self,
        broker: str | None = None,
        port: int | None = None,
        connect_timeout: float = 5.0,
        *,
        auth: AuthProvider | None = None,
        records: Records | None = None,
        ask_workers: Ask | None = None,
    ) -> None:
        if broker is None or port is None:
            config = ServerConfig.from_env()
            broker = config.mqtt_broker if broker is None else broker
            port = config.mqtt_port if port is None else port
        self.broker = broker
        self.port = port
        self.channel = secrets.token_urlsafe(16)
        self._auth = auth or NoAuthProvider()
        self._connected = False
        self._renewing = asyncio.Lock()
        self._home = Home()
        self._link = BrokerLink(
            broker,
            port,
            build=_build_client,
            credentials=self._credentials,
            on_message=self._route,
            on_change=self._changed,
            connect_timeout=connect_timeout,
        )
        self._jobs = JobBoard(self._home, self._link, records, user=self._user, refresh=self._refresh)
        self._job_subscriptions = self._jobs.subscriptions
        self._board = WorkerBoard(ask=ask_workers, told=lambda: self._link.live(f"{_WORKERS}+"))
        self._workers = self._board.workers

    def __repr__(self) -> str:
        return f"MQTTJobMonitor({self.broker!r}, {self.port})"

    def subscribe_job_updates(
        self,
        job_id: str,
        on_progress: OnJobResponseCallback | None = None,
        on_complete: OnJobResponseCallback | None = None,
        task_type: str = "unknown",
        *,
        on_error: Callable[[Exception], object] | None = None,
    ) -> str:
        """Follow a job.

        Args:
            job_id: the job.
            on_progress: called with each new state, the last one too; progress never goes back.
            on_complete: called once, at the end, with the whole record.
            task_type: what records say that are made from bare events.
            on_error: called when the job can't be followed any further; nothing else comes then.

        Returns:
            An id for `unsubscribe`. A subscription whose job has ended is gone by itself.
        """
        self._home.adopt()
        subscription = Subscription(job_id, on_progress, on_complete, task_type, on_error)
        self._jobs.add(subscription)
        return subscription.id

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription. One that has ended by itself is no mistake."""
        subscription = self._job_subscriptions.get(subscription_id)
        if subscription is None:
            log.warning("there is no subscription %r; its job may have ended", subscription_id)
            return
        self._jobs.remove(subscription)

    def get_worker_capabilities(self) -> dict[str, WorkerCapability]:
        """The workers announced now, by their ids."""
        self._want_workers()
        return dict(self._workers)

    def subscribe_worker_updates(self, callback: WorkerCallback) -> None:
        """Call back with each worker's id and what it offers; None for one that has gone."""
        self._board.listeners.append(callback)
        self._want_workers()

    async def wait_for_capability(self, task_type: str, timeout: float | None = None) -> bool:
        """Wait until a worker offers a task and is idle.

        Args:
            task_type: the task.
            timeout: seconds to wait, 30 by default.

        Raises:
            WorkerUnavailableError: none did in time.
        """
        self._want_workers()
        return await self._board.wait_for(
            task_type, ComputeClientConfig.WORKER_WAIT_TIMEOUT if timeout is None else timeout
        )

    def close(self) -> None:
        """End all subscriptions and disconnect. May block for a second, while the broker's thread ends."""
        self._home.run(self._jobs.close)
        self._link.close()
        self._connected = False

    async def open_channel(self) -> str | None:
        """A name that makes the server publish a job's events where this monitor alone listens.

        The broker has confirmed the subscription by then: no event of a job submitted afterwards is missed.

        Returns:
            None when there is no broker, or it doesn't know us.
        """
        self._home.adopt()
        await self._refresh()
        topic = self._channel_topic()
        if topic is None or not await self._link.ready(topic, timeout=CONFIRMATION):
            return None
        return self.channel

    def expect(self, job_id: str, *, on_channel: bool) -> None:
        """The server has accepted a job, and publishes its events on the channel, or where servers did before."""
        self._jobs.expect(job_id, self._channel_topic() if on_channel else None)

    def expected(self, job_id: str) -> Track | None:
        """What is known of a job that was expected; None for another."""
        return self._jobs.expected(job_id)

    def _want_workers(self) -> None:
        self._home.adopt()
        self._link.want(f"{_WORKERS}+")

    # In the broker's thread: messages.

    def _route(self, message: mqtt.MQTTMessage) -> None:
        if message.topic == _EVENTS:
            self._handle_job_event(message)
        elif message.topic.startswith(_WORKERS):
            self._handle_worker_capability(message)
        else:
            self._handle_record(message)

    def _handle_job_event(self, msg: Message) -> None:
        """An event of the topic that all share: a state without the record."""
        event = _json_object(msg)
        self._home.run(lambda: self._take_event(event))

    def _handle_record(self, msg: Message) -> None:
        """A record, from a topic of the user's own."""
        body = _json_object(msg)
        try:
            record = JobResponse.model_validate(body)
        except ValidationError as error:
            log.warning("no record of a job, on %s: %s", msg.topic, error)
            return
        self._home.run(lambda: self._take_record(record, whole=body.get("partial") is not True))

    def _handle_worker_capability(self, msg: Message) -> None:
        """A worker's announcement; an empty one means that it has gone."""
        worker_id = msg.topic.removeprefix(_WORKERS)
        announcement = _json_object(msg) if msg.payload else None
        self._home.run(lambda: self._board.take(worker_id, announcement))

    def _changed(self) -> None:
        self._connected = self._link.state == "up"
        self._home.run(self._jobs.wake)

    # On the home loop: states.

    def _take_event(self, event: dict[str, object]) -> None:
        job_id = event.get("job_id")
        task_type = self._jobs.task_type(job_id) if isinstance(job_id, str) else None
        if not isinstance(job_id, str) or task_type is None:
            return
        record = _record_from(event, job_id, task_type, self._jobs.latest(job_id))
        if record is not None:
            self._jobs.observe(record, whole=False)

    def _take_record(self, record: JobResponse, *, whole: bool) -> None:
        self._jobs.track(record.job_id)
        self._jobs.observe(record, whole=whole)

    # Who we are.

    def _credentials(self) -> tuple[str, str] | None:
        token = bearer_of(self._auth.get_headers())
        return ("token", token) if token else None

    def _user(self) -> str | None:
        """The number of this user's topics: 0 for a guest, None for a token that doesn't tell."""
        credentials = self._credentials()
        if credentials is None:
            return _GUEST
        number = token_claims(credentials[1]).get("id")
        return number if isinstance(number, str) and number.isdecimal() else None

    def _channel_topic(self) -> str | None:
        user = self._user()
        return f"{_USERS}/{user}/{self.channel}/+" if user else None

    async def _refresh(self) -> None:
        """Connect anew once the token has been renewed: the broker stops telling when the old one expires."""
        async with self._renewing:
            try:
                await self._auth.refresh_token_if_needed()
            except (ComputeClientError, httpx.HTTPError, ValueError) as error:
                log.debug("no new token for the broker: %s", error)
                return
            if self._link.state in {"up", "down"} and self._link.used_credentials != self._credentials():
                await asyncio.to_thread(self._link.restart)


_shared: dict[str, tuple[MQTTJobMonitor, int]] = {}


def get_mqtt_monitor(url: str) -> MQTTJobMonitor:
    """The monitor of a broker, shared by all who ask for it; give it back with `release_mqtt_monitor`.

    Raises:
        ValueError: `url` is no `mqtt://host:port`.
    """
    monitor, users = _shared.get(url) or (MQTTJobMonitor(*broker_address(url)), 0)
    _shared[url] = (monitor, users + 1)
    return monitor


def release_mqtt_monitor(monitor: MQTTJobMonitor) -> None:
    """Give a shared monitor back; the last one closes it."""
    for url, (shared, users) in list(_shared.items()):
        if shared is monitor and users > 1:
            _shared[url] = (monitor, users - 1)
        elif shared is monitor:
            del _shared[url]
            monitor.close()


def _build_client() -> mqtt.Client:
    return mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)


def _json_object(msg: Message) -> dict[str, object]:
    """The payload as an object; empty for what is none."""
    try:
        return json_object(msg.payload)
    except ValueError as error:
        log.warning("no JSON object, on %s: %s", msg.topic, error)
        return {}


def _record_from(
    event: dict[str, object], job_id: str, task_type: str, latest: JobResponse | None
) -> JobResponse | None:
    """What a bare event says, upon what is known already; None if it says nothing."""
    progress = event.get("progress")
    told = {"status": event.get("event_type"), "progress": int(progress) if isinstance(progress, int | float) else 0}
    if latest is not None:
        known = latest.model_dump()
        known.update(told, seq=None)
    else:
        known = {"job_id": job_id, "task_type": task_type, "created_at": event.get("timestamp"), **told}
    try:
        return JobResponse.model_validate(known)
    except ValidationError as error:
        log.warning("no event of a job: %s", error)
        return None
