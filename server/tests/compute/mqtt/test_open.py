"""MQTT as a yard opens it: broker, bridge and workers' view together, and five hundred people who wait for their job."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

import aiomqtt
import pytest
from pydantic import SecretStr

from runyard.services.compute.mqtt import BrokerPortTaken, InvalidBrokerUrl, announce_worker, open_mqtt
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.testing.running import until
from runyard.yard import Yard

from .conftest import DEADLINE, V5, V311, Jobs, Mosquitto, decoded, subscriber

SUBSCRIBERS = 500


def with_settings(yard: Yard, **changes: object) -> Yard:
    return replace(yard, settings=yard.settings.model_copy(update={"mqtt_port": 0, **changes}))


async def until_offered(workers: object, task_type: str) -> None:
    await until(lambda: workers.offers(task_type) is True, f"a worker for {task_type}", seconds=DEADLINE)  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5"])
async def test_a_guest_follows_a_job_on_a_yard_with_its_own_broker(
    mqtt_yard: Yard, jobs: Jobs, version: aiomqtt.ProtocolVersion
) -> None:
    yard = with_settings(mqtt_yard)
    async with open_mqtt(yard, guests=lambda: True) as mqtt:
        assert mqtt.url == f"mqtt://127.0.0.1:{mqtt.port}"
        worker = yard.settings.model_copy(update={"mqtt_port": mqtt.port})
        async with announce_worker(worker, task_types=["hash"], idle=lambda: 2):
            await until_offered(mqtt.workers, "hash")
            assert mqtt.workers.capabilities() == (1, {"hash": 1})
            async with subscriber(BrokerUrl.parse(mqtt.url), jobs.topics, version=version) as guest:
                await jobs.all_of_it()
                assert [decoded(await guest.next())["status"] for _ in range(3)] == [
                    "queued",
                    "processing",
                    "completed",
                ]
    assert mqtt.workers.offers("hash") is None


async def test_the_same_on_a_broker_that_is_named(mqtt_yard: Yard, jobs: Jobs, mosquitto: Mosquitto) -> None:
    yard = with_settings(mqtt_yard, mqtt_url=SecretStr(str(mosquitto.url)))
    async with (
        open_mqtt(yard, guests=lambda: True) as mqtt,
        announce_worker(yard.settings, task_types=["hash"], idle=lambda: 0),
        subscriber(mosquitto.url, jobs.topics) as guest,
    ):
        assert (mqtt.url, mqtt.port) == (str(mosquitto.url), None)
        await until_offered(mqtt.workers, "hash")
        assert mqtt.workers.capabilities() == (1, {"hash": 0})
        await jobs.all_of_it()
        assert [decoded(await guest.next())["status"] for _ in range(3)] == ["queued", "processing", "completed"]


async def test_a_yard_can_do_without(mqtt_yard: Yard) -> None:
    yard = with_settings(mqtt_yard, mqtt_url=SecretStr("off"))
    async with (
        open_mqtt(yard, guests=lambda: True) as mqtt,
        announce_worker(yard.settings, task_types=["hash"], idle=lambda: 1),
    ):
        assert (mqtt.url, mqtt.port) == (None, None)
        assert mqtt.workers.capabilities() == (0, {})
        assert mqtt.workers.offers("hash") is None


async def test_a_worker_without_media_plugins_announces_nothing(mqtt_yard: Yard) -> None:
    settings = with_settings(mqtt_yard, mqtt_url=SecretStr("not even a url")).settings
    async with announce_worker(settings, task_types=[], idle=lambda: 1):
        pass


async def test_what_can_not_be_opened_says_so(mqtt_yard: Yard) -> None:
    bad = with_settings(mqtt_yard, mqtt_url=SecretStr("http://ada:hidden@broker"))
    with pytest.raises(InvalidBrokerUrl, match="neither mqtt"):
        async with open_mqtt(bad, guests=lambda: True):
            pass
    async with open_mqtt(with_settings(mqtt_yard), guests=lambda: True) as mqtt:
        with pytest.raises(BrokerPortTaken, match="RUNYARD_MQTT_PORT"):
            async with open_mqtt(with_settings(mqtt_yard, mqtt_port=mqtt.port), guests=lambda: True):
                pass


@pytest.mark.slow
async def test_five_hundred_subscribers_each_hear_of_their_job_once(mqtt_yard: Yard) -> None:
    late: list[float] = []
    ready, everybody = asyncio.Semaphore(0), asyncio.Event()

    async def user(url: BrokerUrl) -> None:
        jobs = Jobs(mqtt_yard, 0, f"channel-{uuid4().hex[:12]}")
        async with subscriber(url, jobs.topics) as guest:
            ready.release()
            await everybody.wait()
            job = await jobs.all_of_it()
            finished = time.monotonic()
            heard = [decoded(await guest.next()) for _ in range(3)]
            late.append(time.monotonic() - finished)
            assert [(one["job_id"], one["status"]) for one in heard] == [
                (str(job.id), "queued"), (str(job.id), "processing"), (str(job.id), "completed"),
            ]  # fmt: skip
            assert len(guest.client.messages) == 0

    async with open_mqtt(with_settings(mqtt_yard), guests=lambda: True) as mqtt, asyncio.TaskGroup() as users:
        assert mqtt.url is not None
        url = BrokerUrl.parse(mqtt.url)
        for _ in range(SUBSCRIBERS):
            users.create_task(user(url))
        for _ in range(SUBSCRIBERS):
            await ready.acquire()
        everybody.set()
    late.sort()
    print(
        f"finish to completed: p50 {late[len(late) // 2] * 1000:.0f} ms, p99 {late[int(len(late) * 0.99)] * 1000:.0f} ms"
    )
