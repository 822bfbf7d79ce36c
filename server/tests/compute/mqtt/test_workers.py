"""Workers announce themselves, and the API knows who is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from runyard.clock import utc_now
from runyard.services.compute.mqtt import announce
from runyard.services.compute.mqtt import workers as workers_module
from runyard.services.compute.mqtt.announce import announced, worker_id
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.connection import Incoming
from runyard.services.compute.mqtt.workers import FILTER, Workers
from runyard.services.compute.words import milliseconds
from runyard.testing import running

from .conftest import DEADLINE, Mosquitto, connected, decoded, subscriber, without_secret

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@asynccontextmanager
async def watching(url: BrokerUrl, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Workers]:
    """A live view, as the API has it."""
    view = Workers(clock)
    async with connected(url, filters=[FILTER], heard=view.heard) as connection:
        view.attach(connection)
        view._met()
        yield view


async def until(condition: Callable[[], bool]) -> None:
    await running.until(condition, "what was announced", seconds=DEADLINE)


def said(name: str, *types: str, idle: int = 1, at: datetime = NOW, kept: bool = False) -> Incoming:
    body = {"worker_id": name, "id": name, "capabilities": types, "idle_count": idle, "timestamp": milliseconds(at)}
    return Incoming(f"inference/workers/{name}", msgspec.json.encode(body), kept)


# ------------------------------------------------------------------ the view


def test_idle_workers_are_added_up_per_task_type() -> None:
    view = Workers(lambda: NOW)
    assert view.capabilities() == (0, {})
    view.heard(said("a", "hash", "exif"))
    view.heard(said("b", "hash", idle=0))
    view.heard(said("c", "hash"))
    assert view.capabilities() == (3, {"exif": 1, "hash": 2})
    view.heard(Incoming("inference/workers/a", b"", kept=False))
    assert view.capabilities() == (2, {"hash": 1})


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"\xff", b'{"capabilities": "hash", "idle_count": 1, "timestamp": 1}', b'{"capabilities": []}',
     b'{"capabilities": [], "idle_count": 1, "timestamp": 99999999999999999}'],
)  # fmt: skip
def test_nonsense_is_not_counted(payload: bytes) -> None:
    view = Workers(lambda: NOW)
    view.heard(Incoming("inference/workers/x", payload, kept=False))
    assert view.capabilities() == (0, {})


async def test_who_is_silent_for_35_seconds_is_forgotten() -> None:
    now = NOW
    view = Workers(lambda: now)
    view.heard(said("live", "hash"))
    view.heard(said("wrong-clock", "hash", at=NOW - timedelta(hours=1)))
    view.heard(said("old", "hash", at=NOW - timedelta(seconds=36), kept=True))
    view.heard(said("from the future", "hash", at=NOW + timedelta(hours=1), kept=True))
    await view.clear_stale()
    assert view.capabilities() == (3, {"hash": 3})
    now += timedelta(seconds=30)
    view.heard(said("live", "hash"))
    now += timedelta(seconds=6)
    await view.clear_stale()
    assert view.capabilities() == (1, {"hash": 1})


async def test_nobody_knows_without_a_broker() -> None:
    view = Workers(lambda: NOW)
    view.heard(said("a", "hash"))
    assert view.offers("hash") is None


async def test_who_is_missing_is_known_once_everybody_had_time_to_speak(
    url: BrokerUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "SETTLE", 3600.0)
    async with watching(url) as view, announced(url, task_types=["hash"], idle=lambda: 1, clock=utc_now, name="w"):
        await until(lambda: view.offers("hash") is True)
        assert view.offers("exif") is None
        view._settled = 0.0
        assert view.offers("exif") is False


async def test_an_old_announcement_is_cleared_from_the_broker(url: BrokerUrl) -> None:
    async with connected(url) as yard:
        await yard.publish("inference/workers/dead", said("dead", "hash").payload, retain=True)
        async with watching(url) as view, subscriber(without_secret(url), "inference/workers/+") as guest:
            assert decoded(await guest.next())["worker_id"] == "dead"
            await until(lambda: view.capabilities() == (1, {"hash": 1}))
            await view.clear_stale()
            assert view.capabilities() == (0, {})
            assert (await guest.next()).payload == b""


# ------------------------------------------------------------------ announcing


async def test_a_worker_announces_itself_and_takes_it_back(url: BrokerUrl) -> None:
    async with subscriber(without_secret(url), "inference/workers/+") as guest:
        async with announced(url, task_types=["hash", "exif"], idle=lambda: 4, clock=lambda: NOW) as name:
            assert name == worker_id()
            message = await guest.next()
            assert str(message.topic) == f"inference/workers/{name}"
            assert decoded(message) == {
                "worker_id": name, "id": name, "capabilities": ["hash", "exif"], "idle_count": 1,
                "timestamp": milliseconds(NOW),
            }  # fmt: skip
        assert (await guest.next()).payload == b""


async def test_a_change_of_load_is_told_once_it_lasts(url: BrokerUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "LOOK_EVERY", 0.01)
    looks: list[int] = []
    load = iter([1, 0, 1, 0, 1, 1, 0, 1] + [0] * 10_000)

    def idle() -> int:
        looks.append(next(load))
        return looks[-1]

    async with (
        subscriber(without_secret(url), "inference/workers/+") as guest,
        announced(url, task_types=["hash"], idle=idle, clock=utc_now, name="w"),
    ):
        assert [decoded(await guest.next())["idle_count"] for _ in range(2)] == [1, 0]
        assert len(looks) >= 10


async def test_heartbeats_go_on(url: BrokerUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(announce, "HEARTBEAT", 0.05)
    async with (
        subscriber(without_secret(url), "inference/workers/+") as guest,
        announced(url, task_types=["hash"], idle=lambda: 1, clock=utc_now, name="w"),
    ):
        stamps = [decoded(await guest.next())["timestamp"] for _ in range(3)]
        assert stamps == sorted(stamps)  # type: ignore[type-var]


async def test_a_worker_announces_itself_again_to_a_broker_that_has_forgotten_it(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto.url) as view,
        announced(mosquitto.url, task_types=["hash"], idle=lambda: 1, clock=utc_now, name="w"),
    ):
        await until(lambda: view.offers("hash") is True)
        mosquitto.stop()
        await until(lambda: view.offers("hash") is None)
        await mosquitto.start()
        await until(lambda: view.offers("hash") is True)


WORKER = """
import asyncio, sys
from runyard.clock import utc_now
from runyard.services.compute.mqtt.announce import announced
from runyard.services.compute.mqtt.broker_url import BrokerUrl

async def work():
    url = BrokerUrl.parse(sys.argv[1])
    async with announced(url, task_types=["hash"], idle=lambda: 1, clock=utc_now, name="mortal"):
        await asyncio.Event().wait()

asyncio.run(work())
"""


@pytest.mark.kill
async def test_a_killed_worker_is_taken_away_by_its_last_will(url: BrokerUrl) -> None:
    secret = f"{url.username}:{url.password}@".replace(" ", "%20") if url.username else ""
    process = subprocess.Popen([sys.executable, "-c", WORKER, f"mqtt://{secret}{url.host}:{url.port}"])
    try:
        async with watching(url) as view:
            await until(lambda: view.capabilities() == (1, {"hash": 1}))
            process.kill()
            await until(lambda: view.capabilities() == (0, {}))
        async with watching(url) as late, connected(url) as yard:
            await yard.publish("inference/workers/new", said("new", "hash").payload)
            await until(lambda: late.capabilities()[0] > 0)
            assert late.capabilities()[0] == 1
    finally:
        process.kill()
        process.wait()
