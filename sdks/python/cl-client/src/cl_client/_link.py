"""One connection to an MQTT broker, kept up for as long as it is wanted.

It runs in paho's own thread, reconnects by itself, and subscribes again to what is wanted. It knows topics and bytes,
no jobs. Everything here may be called from any thread and blocks none, but for `close`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger("cl_client.mqtt")

_KEEPALIVE: Final = 60
_QOS: Final = 1
_REFUSED: Final = 128

State = Literal["idle", "connecting", "up", "down", "closed"]


class BrokerLink:
    """The connection.

    Args:
        host, port: the broker; an empty host means that there is none.
        build: makes the client, unconnected.
        credentials: gives name and password, asked at each connect; None for a guest.
        on_message: called in paho's thread with each message.
        on_change: called, in any thread, when the connection or a subscription has come or gone.
        connect_timeout: seconds that a connect may take.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        build: Callable[[], mqtt.Client],
        credentials: Callable[[], tuple[str, str] | None],
        on_message: Callable[[mqtt.MQTTMessage], None],
        on_change: Callable[[], None],
        connect_timeout: float,
    ) -> None:
        self._host = host
        self._port = port
        self._build = build
        self._credentials = credentials
        self._on_message = on_message
        self._on_change = on_change
        self._connect_timeout = connect_timeout
        self._lock = threading.RLock()
        self._client: mqtt.Client | None = None
        self._wanted: dict[str, Future[bool]] = {}
        self._pending: dict[int, list[str]] = {}
        self.used_credentials: tuple[str, str] | None = None
        self.state: State = "idle" if host else "closed"
        self.generation = 0

    def start(self) -> None:
        """Begin to connect, unless that has been done."""
        with self._lock:
            if self.state != "idle":
                return
            self.state = "connecting"
            client = self._client = self._build()
            client.connect_timeout = self._connect_timeout
            client.reconnect_delay_set(min_delay=1, max_delay=10)
            client.on_pre_connect = self._pre_connect
            client.on_connect = self._connected
            client.on_connect_fail = self._connect_failed
            client.on_disconnect = self._disconnected
            client.on_subscribe = self._subscribed
            client.on_message = self._message
            client.connect_async(self._host, self._port, keepalive=_KEEPALIVE)
            client.loop_start()

    def want(self, topic: str) -> None:
        """Subscribe to a topic, now or as soon as there is a connection, and again after each reconnect."""
        self.start()
        with self._lock:
            if topic not in self._wanted:
                self._wanted[topic] = Future()
                if self.state == "up":
                    self._subscribe([topic])

    def unwant(self, topic: str) -> None:
        """Take a subscription back."""
        with self._lock:
            if self._wanted.pop(topic, None) is not None and self.state == "up" and self._client is not None:
                self._client.unsubscribe(topic)

    async def ready(self, topic: str, *, timeout: float) -> bool:
        """Want a topic, and wait until the broker has confirmed it.

        Args:
            topic: what to subscribe to.
            timeout: seconds to wait.

        Returns:
            False when there is no connection, the broker refused, or the time is up.
        """
        self.want(topic)
        with self._lock:
            confirmed = self._wanted.get(topic)
            if confirmed is None or self.state not in {"connecting", "up"}:
                return False
        if not confirmed.done():
            await asyncio.wait({asyncio.wrap_future(_follow(confirmed))}, timeout=timeout)
        return self.live(topic)

    def live(self, topic: str) -> bool:
        """Whether the broker has confirmed the topic on the present connection."""
        with self._lock:
            confirmed = self._wanted.get(topic)
            return self.state == "up" and confirmed is not None and confirmed.done() and confirmed.result()

    def restart(self) -> None:
        """Connect anew, with the credentials of now. May block for a second."""
        with self._lock:
            if self.state in {"idle", "closed"}:
                return
            self._lose("idle")
            client, self._client = self._client, None
        _stop(client)
        self.start()

    def close(self) -> None:
        """Disconnect for good. May block for a second."""
        with self._lock:
            self._lose("closed")
            client, self._client = self._client, None
        _stop(client)

    def _pre_connect(self, client: mqtt.Client, _userdata: object) -> None:
        self.used_credentials = self._credentials()
        if self.used_credentials is not None:
            client.username_pw_set(*self.used_credentials)

    def _connected(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        with self._lock:
            if client is not self._client:
                return
            if reason.is_failure:
                log.warning("the broker %s:%d refused the connection: %s", self._host, self._port, reason)
                self._lose("down")
            else:
                self.state = "up"
                self.generation += 1
                self._subscribe(list(self._wanted))
        self._on_change()

    def _connect_failed(self, client: mqtt.Client, _userdata: object) -> None:
        log.debug("no broker answers at %s:%d", self._host, self._port)
        self._down(client)

    def _disconnected(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        log.debug("the connection to the broker %s:%d ended: %s", self._host, self._port, reason)
        self._down(client)

    def _down(self, client: mqtt.Client) -> None:
        with self._lock:
            if client is not self._client:
                return
            self._lose("down")
        self._on_change()

    def _subscribed(
        self, client: mqtt.Client, _userdata: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        with self._lock:
            topics = self._pending.pop(mid, []) if client is self._client else []
            for topic, reason in zip(topics, reasons, strict=False):
                granted = reason.value < _REFUSED
                if not granted:
                    log.warning("the broker refused the subscription to %s", topic)
                if topic in self._wanted:
                    _settle(self._wanted[topic], granted)
        self._on_change()

    def _message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self._on_message(message)

    def _subscribe(self, topics: list[str]) -> None:
        if not topics or self._client is None:
            return
        _, mid = self._client.subscribe([(topic, _QOS) for topic in topics])
        if mid is not None:
            self._pending[mid] = topics

    def _lose(self, state: State) -> None:
        """Nothing is confirmed any more; whoever waits is told."""
        self.state = state
        self._pending.clear()
        for topic, confirmed in self._wanted.items():
            _settle(confirmed, False)
            self._wanted[topic] = Future()


def _settle(confirmed: Future[bool], granted: bool) -> None:
    if not confirmed.done():
        confirmed.set_result(granted)


def _follow(confirmed: Future[bool]) -> Future[bool]:
    """A future of one's own, so that giving up waiting cancels nobody else's."""
    mine: Future[bool] = Future()

    def settle(done: Future[bool]) -> None:
        if mine.set_running_or_notify_cancel():
            mine.set_result(done.result())

    confirmed.add_done_callback(settle)
    return mine


def _stop(client: mqtt.Client | None) -> None:
    if client is None:
        return
    with suppress(ValueError, OSError):
        client.disconnect()
    client.loop_stop()
