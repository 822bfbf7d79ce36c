"""MQTT opened for a process: the API's broker, bridge and view of the workers, or a worker's announcement."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from runyard.clock import Clock, utc_now
from runyard.jobs import Job
from runyard.services.compute.mqtt.access import YARD_NAME, broker_secret, shared_events
from runyard.services.compute.mqtt.announce import announced
from runyard.services.compute.mqtt.bridge import Bridge
from runyard.services.compute.mqtt.broker import EmbeddedBroker
from runyard.services.compute.mqtt.broker_url import BrokerUrl, broker_url, is_off
from runyard.services.compute.mqtt.connection import Connection, Link
from runyard.services.compute.mqtt.resident import Resident
from runyard.services.compute.mqtt.tasks import stop
from runyard.services.compute.mqtt.workers import FILTER, Workers
from runyard.settings import Settings
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Mqtt:
    """What the API process has of MQTT.

    ``url`` is where clients connect, without any secret; None when the yard does without MQTT. ``port`` is that of the
    embedded broker, for the settings of the yard's own worker; None without one. ``read`` is to be told of every job
    whose record somebody was given.
    """

    url: str | None
    port: int | None
    workers: Workers
    read: Callable[[Job], None] = lambda _job: None


@asynccontextmanager
async def open_mqtt(
    yard: Yard,
    *,
    guests: Callable[[], bool],
    waiting_for: Callable[[Job, Workers], str | None] = lambda _job, _view: None,
) -> AsyncIterator[Mqtt]:
    """The API's part: the embedded broker unless another is named, the bridge, and the view of the workers.

    Args:
        guests: whether callers without a credential may use the service now.
        waiting_for: what a queued job waits for, when no worker can take it.

    Raises:
        InvalidBrokerUrl: ``MQTT_URL`` names no broker.
        BrokerPortTaken: the embedded broker can't listen.
    """
    settings = yard.settings
    workers = Workers(yard.clock)
    if is_off(settings):
        yield Mqtt(url=None, port=None, workers=workers)
        return
    async with AsyncExitStack() as stack:
        url, port = broker_url(settings), None
        link: Link
        if url is None:
            broker = EmbeddedBroker(
                secret=await asyncio.to_thread(broker_secret, settings.data_dir),
                authenticate=yard.identity.authenticate,
                clock=yard.clock,
                guests=guests,
                shared_events=shared_events(settings),
            )
            port = await stack.enter_async_context(broker.listen(settings.host, settings.mqtt_port))
            url = await asyncio.to_thread(_embedded, settings, port)
            link = Resident(broker, filters=[FILTER], heard=workers.heard)
        else:
            name = f"runyard-api-{socket.gethostname()}-{os.getpid()}"
            connection = Connection(url, name=name, filters=[FILTER], heard=workers.heard)
            link = await stack.enter_async_context(connection.open())
        workers.attach(link)
        bridge = Bridge(
            yard,
            link,
            shared_events=shared_events(settings),
            waiting_for=lambda job: waiting_for(job, workers),
        )
        tasks = [
            asyncio.create_task(workers.watch(), name="mqtt workers"),
            asyncio.create_task(bridge.run(), name="mqtt bridge"),
        ]
        stack.push_async_callback(stop, *tasks)
        yield Mqtt(url=str(url), port=port, workers=workers, read=bridge.read)


@asynccontextmanager
async def announce_worker(
    settings: Settings, *, task_types: Sequence[str], idle: Callable[[], int], clock: Clock = utc_now
) -> AsyncIterator[None]:
    """The worker's part: tell of this process until the end of the block.

    Args:
        task_types: what it can do; nothing is announced without any.
        idle: how many more media jobs it could start now.
        clock: the present, in UTC.

    Raises:
        InvalidBrokerUrl: ``MQTT_URL`` names no broker.
    """
    if is_off(settings) or not task_types:
        yield
        return
    url = broker_url(settings)
    if url is None:
        url = await asyncio.to_thread(_embedded, settings, settings.mqtt_port)
    async with announced(url, task_types=task_types, idle=idle, clock=clock):
        yield


def _embedded(settings: Settings, port: int) -> BrokerUrl:
    """The embedded broker as this machine's own processes reach it. Blocks."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return BrokerUrl(host=host, port=port, username=YARD_NAME, password=broker_secret(settings.data_dir))
