"""The event log over MQTT: every change is told, in order, whatever goes away in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiomqtt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from runyard.jobs import Job, State
from runyard.services.compute.mqtt import bridge as bridge_module
from runyard.services.compute.mqtt.access import SharedEvents
from runyard.services.compute.mqtt.bridge import Bridge
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.steps import RECORD_LIMIT, Told, payload, untold
from runyard.services.compute.mqtt.tasks import stop
from runyard.services.compute.words import record
from runyard.testing.running import fresh_yard, until
from runyard.yard import Yard, open_yard

from .conftest import DEADLINE, Jobs, Mosquitto, Subscriber, connected, decoded, subscriber, without_secret

EVENTS = "inference/events"


@asynccontextmanager
async def bridging(
    yard: Yard, url: BrokerUrl, *, shared: SharedEvents = "all", wait: bool = True, **options: object
) -> AsyncIterator[Bridge]:
    """A bridge that publishes, or stands by."""
    async with connected(url) as connection:
        bridge = Bridge(yard, connection, shared_events=shared, **options)  # type: ignore[arg-type]
        running = asyncio.create_task(bridge.run())
        try:
            if wait:
                await publishing(bridge)
            yield bridge
        finally:
            await stop(running)


async def publishing(bridge: Bridge) -> None:
    async with asyncio.timeout(DEADLINE):
        await bridge.publishing.wait()


async def steps(guest: Subscriber, count: int) -> list[tuple[object, object]]:
    return [(one["status"], one["progress"]) for one in [decoded(await guest.next()) for _ in range(count)]]


async def through_its_life(guest: Subscriber) -> list[dict[str, object]]:
    """Every record up to the job's end."""
    found: list[dict[str, object]] = []
    while not found or found[-1]["status"] not in {"completed", "failed"}:
        found.append(dict(decoded(await guest.next())))
    return found


# ------------------------------------------------------------------ what is told


async def test_every_change_is_told_as_it_happens(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async with bridging(mqtt_yard, url), subscriber(without_secret(url), jobs.topics) as guest:
        submitted = await jobs.submit()
        first = await guest.next()
        assert str(first.topic) == f"runyard/users/0/{jobs.channel}/{submitted.id}"
        assert decoded(first) == msgspec.json.decode(msgspec.json.encode(record(submitted)))
        job = await jobs.start(submitted)
        assert await steps(guest, 1) == [("processing", 0)]
        for batch, percent in enumerate((10, 10, 55)):
            await jobs.progress(job, batch, percent)
        seen: list[tuple[object, object]] = []
        while ("processing", 55) not in seen:
            seen += await steps(guest, 1)
        assert set(seen) <= {("processing", 10), ("processing", 55)}
        await jobs.finish(job, media_type="image")
        last = decoded(await guest.next())
        assert (last["status"], last["progress"], last["task_output"]) == ("completed", 100, {"media_type": "image"})
        assert last == msgspec.json.decode(msgspec.json.encode(record(await mqtt_yard.jobs.get(job.id))))


async def test_what_was_skipped_is_told_all_the_same(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async with subscriber(without_secret(url), jobs.topics) as guest:
        done = await jobs.all_of_it()
        failed = await jobs.start(await jobs.submit())
        await jobs.progress(failed, 0, 40)
        await jobs.fail(failed)
        cancelled = await jobs.submit()
        await mqtt_yard.jobs.cancel(cancelled.id)
        async with bridging(mqtt_yard, url):
            told: dict[str, list[tuple[object, object, object]]] = {}
            for _ in range(8):
                one = decoded(await guest.next())
                told.setdefault(str(one["job_id"]), []).append((one["status"], one["progress"], one["reason"]))
    assert told == {
        str(done.id): [("queued", 0, None), ("processing", 0, None), ("completed", 100, None)],
        str(failed.id): [("queued", 0, None), ("processing", 0, None), ("failed", 40, "bad_media")],
        str(cancelled.id): [("queued", 0, None), ("failed", 0, "cancelled")],
    }


async def test_the_original_events_follow_the_records(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async with bridging(mqtt_yard, url), subscriber(without_secret(url), EVENTS, jobs.topics) as guest:
        job = await jobs.start(await jobs.submit())
        await jobs.fail(job)
        heard: list[aiomqtt.Message] = []
        while len(heard) < 6:
            message = await guest.next()
            if decoded(message)["job_id"] == str(job.id):
                heard.append(message)
        assert [str(one.topic) == EVENTS for one in heard] == [False, True] * 3
        events = [decoded(one) for one in heard[1::2]]
        assert [(one["event_type"], one["progress"]) for one in events] == [
            ("queued", 0), ("processing", 0), ("failed", 0),
        ]  # fmt: skip
        assert all(isinstance(one["timestamp"], int) for one in events)
        assert [one["seq"] for one in events] == [decoded(one)["seq"] for one in heard[::2]] == [1, 2, 3]


@pytest.mark.parametrize(("shared", "expected"), [("all", {0, 7}), ("guests", {0}), ("off", set())])
async def test_whose_jobs_are_told_on_the_topic_of_all(
    mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs, shared: SharedEvents, expected: set[int]
) -> None:
    last = Jobs(mqtt_yard, 0, f"{jobs.channel}-last")
    yard = {"username": url.username, "password": url.password}
    async with (
        bridging(mqtt_yard, url, shared=shared),
        subscriber(url, EVENTS, "runyard/users/+/+/+", **yard) as everything,
    ):
        owners = {str((await Jobs(mqtt_yard, user, jobs.channel).all_of_it()).id): user for user in (7, 0)}
        end = str((await last.all_of_it()).id)
        seen: set[int] = set()
        while True:
            message = await everything.next()
            job = str(decoded(message)["job_id"])
            if str(message.topic) == EVENTS and job in owners:
                seen.add(owners[job])
            if job == end and str(message.topic) != EVENTS:
                break
        assert seen == expected


async def test_a_queued_job_says_what_it_waits_for(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    waits: dict[str, object] = {"waiting_for": lambda job: f"nobody does {job.kind}"}
    async with bridging(mqtt_yard, url, **waits), subscriber(without_secret(url), jobs.topics) as guest:
        await jobs.all_of_it()
        assert [one["waiting_for"] for one in await through_its_life(guest)] == ["nobody does compute.hash", None, None]


async def test_jobs_of_other_services_and_removed_ones_are_not_told(
    mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs
) -> None:
    async with bridging(mqtt_yard, url) as bridge, subscriber(without_secret(url), jobs.topics) as guest:
        await Jobs(mqtt_yard, 0, jobs.channel, kind="ci.test").all_of_it()
        removed = await jobs.submit()
        assert decoded(await guest.next())["job_id"] == str(removed.id)
        await mqtt_yard.jobs.delete(removed.id)
        job = await jobs.all_of_it()
        assert {one["job_id"] for one in await through_its_life(guest)} == {str(job.id)}
        assert removed.id not in bridge._told


async def test_an_odd_job_does_not_silence_the_others(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async with bridging(mqtt_yard, url), subscriber(without_secret(url), jobs.topics) as guest:
        await jobs.submit(user="x", channel=None, params=None)
        await mqtt_yard.database.execute("UPDATE jobs SET params = '{}' WHERE params->>'user' = 'x'")
        await jobs.all_of_it()
        await through_its_life(guest)
    await mqtt_yard.database.execute("DELETE FROM jobs WHERE params = '{}'")


def test_a_long_record_is_told_without_its_output(mqtt_yard: Yard) -> None:
    short, long = example(result={"x": "y"}), example(result={"x": "y" * RECORD_LIMIT})
    assert msgspec.json.decode(payload(short, waiting_for=None))["task_output"] == {"x": "y"}
    told = msgspec.json.decode(payload(long, waiting_for=None))
    assert "task_output" not in told
    assert told["partial"] is True
    assert told["status"] == "completed"


# ------------------------------------------------------------------ the steps, without anything around them


PATHS = {"input_path": "input/a.jpg", "output_path": "output/hash.json"}


def example(**changes: object) -> Job:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    job = Job(
        id=uuid4(), kind="compute.hash", owner=uuid4(), tenant="user:x", state=State.SUCCEEDED, cancelling=False,
        progress=100, params={"user": 0, "channel": None, "params": PATHS}, result={}, error=None, checkpoint=None,
        priority=5, attempt=1, losses=0, max_attempts=3, parent=None, awaits=None, created_at=at, started_at=at,
        ended_at=at, last_seq=9, log_bytes=0, archive=None,
    )  # fmt: skip
    return replace(job, **changes)  # type: ignore[arg-type]


LIFE = [
    example(state=State.QUEUED, progress=0, attempt=0, started_at=None, ended_at=None, last_seq=1),
    example(state=State.RUNNING, progress=0, ended_at=None, last_seq=2),
    example(state=State.RUNNING, progress=30, ended_at=None, last_seq=3),
    example(state=State.QUEUED, progress=30, ended_at=None, last_seq=4),
    example(state=State.RUNNING, progress=30, attempt=2, ended_at=None, last_seq=5),
    example(state=State.RUNNING, progress=60, attempt=2, ended_at=None, last_seq=6),
    example(attempt=2, last_seq=7),
]


@given(some.sets(some.integers(0, len(LIFE) - 1)))
def test_whatever_was_seen_of_a_life_the_telling_is_whole_and_in_order(seen: set[int]) -> None:
    told, heard = None, []
    for at in sorted(seen | {len(LIFE) - 1}):
        heard += untold(LIFE[at], told)
        told = Told.of(LIFE[at])
    words = [record(job)["status"] for job in heard]
    assert words[0] == "queued"
    assert "processing" in words
    assert words.count("completed") == 1
    assert words[-1] == "completed"
    sequence = [job.last_seq for job in heard]
    assert sequence == sorted(set(sequence))
    assert untold(LIFE[-1], told) == []


# ------------------------------------------------------------------ what goes away in between


async def test_a_broker_that_stops_mid_job_loses_nothing(mqtt_yard: Yard, mosquitto: Mosquitto, jobs: Jobs) -> None:
    async with bridging(mqtt_yard, mosquitto.url) as bridge:
        running = await jobs.start(await jobs.submit())
        mosquitto.stop()
        bridge._connection.url = replace(mosquitto.url, port=1)  # until a subscriber is there, to see it all
        await jobs.finish(running, media_type="image")
        whole = await jobs.all_of_it()
        await mosquitto.start()
        async with subscriber(mosquitto.url, jobs.topics) as guest:
            bridge._connection.url = mosquitto.url
            heard: dict[str, list[object]] = {str(running.id): [], str(whole.id): []}
            while not all(told[-1:] == ["completed"] for told in heard.values()):
                one = decoded(await guest.next())
                heard[str(one["job_id"])].append(one["status"])
            assert heard[str(whole.id)] == ["queued", "processing", "completed"]


async def test_nothing_is_lost_while_no_bridge_runs(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async with subscriber(without_secret(url), jobs.topics) as guest:
        async with bridging(mqtt_yard, url):
            job = await jobs.start(await jobs.submit())
            assert await steps(guest, 2) == [("queued", 0), ("processing", 0)]
        await jobs.finish(job)
        async with bridging(mqtt_yard, url):
            assert (await through_its_life(guest))[-1]["job_id"] == str(job.id)


async def test_another_process_takes_over_and_only_one_publishes(
    mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "STAND_BY", 0.02)
    async with (
        open_yard(mqtt_yard.settings, application="second api") as second,
        subscriber(without_secret(url), jobs.topics) as guest,
        bridging(second, url, wait=False) as standby,
    ):
        await publishing(standby)
        async with bridging(mqtt_yard, url, wait=False) as third:
            for _ in range(5):
                job = await jobs.all_of_it()
                heard = await through_its_life(guest)
                assert [one["status"] for one in heard] == ["queued", "processing", "completed"]
            assert not third.publishing.is_set()
            running = await jobs.start(await jobs.submit())
            assert await steps(guest, 2) == [("queued", 0), ("processing", 0)]
            await second.database.execute(  # whoever publishes; the tests beside this one have locks, too
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND (classid::bigint << 32 | objid::bigint) = $1",
                bridge_module._lock(second.settings.database_schema),
            )
            await jobs.finish(running)
            heard = await through_its_life(guest)
            while heard[-1]["job_id"] != str(running.id):  # what ended lately may be told again
                heard = await through_its_life(guest)
            assert heard[-1]["status"] == "completed"
            assert job.id != running.id
            await until(lambda: third.publishing.is_set() != standby.publishing.is_set(), "one to publish")


async def test_the_cursor_follows_what_was_told(mqtt_yard: Yard, url: BrokerUrl, jobs: Jobs) -> None:
    async def cursor() -> object:
        return await mqtt_yard.database.fetchval("SELECT ended_until FROM mqtt_cursor")

    async with bridging(mqtt_yard, url), subscriber(without_secret(url), jobs.topics) as guest:
        before = mqtt_yard.clock()
        await jobs.all_of_it()
        await through_its_life(guest)
        async with asyncio.timeout(DEADLINE):
            while (await cursor()) < before:  # type: ignore[operator]
                await asyncio.sleep(0)


async def test_old_jobs_are_left_in_peace_at_the_start(yard_database: str, url: BrokerUrl) -> None:
    async with fresh_yard(yard_database) as yard:
        jobs = Jobs(yard, 0, f"test-{uuid4().hex[:12]}")
        old = await jobs.all_of_it()
        waiting = await jobs.submit()
        long_ago = yard.clock() - timedelta(hours=1)
        await yard.database.execute("UPDATE jobs SET created_at = $1", long_ago)
        await yard.database.execute("UPDATE jobs SET ended_at = $1 WHERE id = $2", long_ago, old.id)
        async with subscriber(without_secret(url), jobs.topics) as guest, bridging(yard, url):
            fresh = await jobs.all_of_it()
            assert {one["job_id"] for one in await through_its_life(guest)} == {str(fresh.id)}
            await jobs.start(waiting)
            assert await steps(guest, 2) == [("queued", 0), ("processing", 0)]
