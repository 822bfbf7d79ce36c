"""A yard process's own connection to the broker, embedded or not: made again whenever it breaks."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import aiomqtt
import structlog

from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.tasks import stop

Heard: TypeAlias = Callable[["Incoming"], None]

KEEP_ALIVE: Final = 15
ANSWER: Final = 5.0
"""Seconds the broker has to answer anything."""

DELAYS: Final = (0.1, 10.0)
"""First and longest pause between two attempts to connect; it doubles in between."""

IN_FLIGHT: Final = 200
"""Messages sent before the first is acknowledged; further ones wait for their turn."""

INCOMING: Final = 10_000
"""Messages that wait to be looked at; later ones are dropped, which the next heartbeat makes good."""

_REFUSED: Final = 0x80

_QUIET: Final = logging.getLogger(f"{__name__}.client")
"""The library's log: what it calls an error is a connection that broke, which we tell of ourselves, once."""

_QUIET.setLevel(logging.CRITICAL)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker; ``kept`` if it was published before we subscribed."""

    topic: str
    payload: bytes
    kept: bool


class Link(Protocol):
    """What the yard needs of a broker, wherever that is."""

    connected: asyncio.Event

    def on_connect(self, met: Callable[[], None]) -> None:
        """Call ``met`` after every connect, once the subscriptions are acknowledged."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish; False if the broker didn't take it. Calls made in a row are told in that order."""
        ...


class Connection:
    """Publishes and subscribes for the life of the process. Nothing here raises because the broker is away.

    Args:
        name: the client's name; a later connection of the same name replaces this one.
        farewell: topic whose retained message the broker clears when this process vanishes.
        filters: what to subscribe to, after every connect.
        heard: is told every message.
    """

    def __init__(
        self,
        url: BrokerUrl,
        *,
        name: str,
        farewell: str | None = None,
        filters: Sequence[str] = (),
        heard: Heard = lambda _message: None,
    ) -> None:
        self.url = url
        self._name = name
        self._farewell = farewell
        self._filters = filters
        self._heard = heard
        self._client: aiomqtt.Client | None = None
        self._turn = asyncio.Semaphore(IN_FLIGHT)
        self._patience: set[asyncio.Timeout] = set()
        self._met: list[Callable[[], None]] = []
        self.connected = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        """Stay connected until the end of the block; entering it doesn't wait for the broker."""
        keeper = asyncio.create_task(self._keep_connected(), name=f"mqtt {self._name}")
        try:
            yield self
        finally:
            await stop(keeper)

    def on_connect(self, met: Callable[[], None]) -> None:
        """Call ``met`` after every connect, once the subscriptions are acknowledged."""
        self._met.append(met)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish with QoS 1; False if the broker didn't acknowledge it. Calls made in a row are sent in that order."""
        async with self._turn:
            if (client := self._client) is None:
                return False
            try:
                async with asyncio.timeout(ANSWER) as patience:
                    self._patience.add(patience)
                    try:
                        await client.publish(topic, payload, qos=1, retain=retain, timeout=math.inf)
                    finally:
                        self._patience.discard(patience)
            except (aiomqtt.MqttError, TimeoutError):
                return False
            return True

    async def _keep_connected(self) -> None:
        tls = await asyncio.to_thread(ssl.create_default_context) if self.url.tls else None
        now = asyncio.get_running_loop().time
        delay, told = DELAYS[0], False
        while True:
            started = now()
            try:
                async with _entered(self._new_client(tls)) as client:
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                if self.connected.is_set() and now() - started > DELAYS[1]:  # it was good until now
                    delay, told = DELAYS[0], False
                if not told:
                    log.warning("mqtt_unreachable", broker=str(self.url), error=str(error))
                told = True
            finally:
                self._lose()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, DELAYS[1])

    def _new_client(self, tls: ssl.SSLContext | None) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self.url.host,
            self.url.port,
            identifier=self._name,
            username=self.url.username,
            password=self.url.password,
            keepalive=KEEP_ALIVE,
            timeout=ANSWER,
            tls_context=tls,
            will=None if self._farewell is None else aiomqtt.Will(self._farewell, b"", qos=1, retain=True),
            max_queued_incoming_messages=INCOMING,
            max_inflight_messages=IN_FLIGHT,
            logger=_QUIET,
        )
        client.pending_calls_threshold = IN_FLIGHT
        return client

    async def _serve(self, client: aiomqtt.Client) -> None:
        for filter_ in self._filters:
            (granted,) = await client.subscribe(filter_, qos=1)
            if (granted if isinstance(granted, int) else granted.value) >= _REFUSED:
                raise aiomqtt.MqttError(f"a subscription to {filter_!r} was refused")
        self._client = client
        self.connected.set()
        log.info("mqtt_connected", broker=str(self.url))
        for met in self._met:
            met()
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                self._heard(Incoming(str(message.topic), message.payload, message.retain))

    def _lose(self) -> None:
        """Tell who waits for an acknowledgement that none will come."""
        self._client = None
        self.connected.clear()
        now = asyncio.get_running_loop().time()
        for patience in self._patience:
            patience.reschedule(now)


@asynccontextmanager
async def _entered(client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Client]:
    """A client that is connected. A connect that is under way is seen through: it can't be taken back."""
    entering = asyncio.create_task(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        with suppress(aiomqtt.MqttError, OSError):
            await entering
            await client.__aexit__(None, None, None)
        raise
    try:
        yield client
    finally:
        with suppress(aiomqtt.MqttError, OSError):
            await client.__aexit__(None, None, None)
