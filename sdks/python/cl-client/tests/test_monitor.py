"""The monitor by itself, as programs of the original kind use it."""

import asyncio
import json
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

import pytest

from cl_client import MQTTJobMonitor, WorkerCapability, WorkerUnavailableError, get_mqtt_monitor, release_mqtt_monitor
from cl_client._track import Track
from cl_client.models import JobResponse

WORKER = {"worker_id": "w1", "capabilities": ["hash"], "idle_count": 1, "timestamp": 5}


def message(payload, topic="inference/events"):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return SimpleNamespace(topic=topic, payload=payload)


def event(status, progress=0, job_id="j"):
    return message({"job_id": job_id, "event_type": status, "timestamp": 9, "progress": progress})


@pytest.fixture
def monitor():
    with patch("cl_client.mqtt_monitor.mqtt.Client") as client:
        monitor = MQTTJobMonitor("localhost", 1883)
        monitor.client = client.return_value
        yield monitor
        monitor.close()


def test_it_connects_when_it_is_needed(monitor):
    monitor.client.connect_async.assert_not_called()
    monitor.subscribe_job_updates("j")
    monitor.client.connect_async.assert_called_once_with("localhost", 1883, keepalive=60)
    monitor.client.loop_start.assert_called_once_with()
    assert repr(monitor) == "MQTTJobMonitor('localhost', 1883)"


def test_states_go_to_progress_and_the_end_to_both(monitor):
    progress, end = MagicMock(), MagicMock()
    subscription = monitor.subscribe_job_updates("j", on_progress=progress, on_complete=end, task_type="hash")
    assert len(subscription) == 36
    assert subscription in monitor._job_subscriptions
    monitor._handle_job_event(event("processing", 50))
    assert (progress.call_count, end.call_count) == (1, 0)
    monitor._handle_job_event(event("completed", 100))
    assert (progress.call_count, end.call_count) == (2, 1)
    monitor._handle_job_event(event("completed", 100))
    assert end.call_count == 1
    job = end.call_args.args[0]
    assert (job.job_id, job.task_type, job.status, job.progress, job.created_at) == ("j", "hash", "completed", 100, 9)
    assert subscription not in monitor._job_subscriptions


def test_progress_never_goes_back(monitor):
    progress = MagicMock()
    monitor.subscribe_job_updates("j", on_progress=progress)
    for percent in (10, 5, 10, 30):
        monitor._handle_job_event(event("processing", percent))
    assert [call.args[0].progress for call in progress.call_args_list] == [10, 30]


def test_several_subscribers_are_told_in_their_order(monitor):
    told = []
    monitor.subscribe_job_updates("j", on_progress=lambda job: told.append(1))
    second = monitor.subscribe_job_updates("j", on_progress=lambda job: told.append(2))
    monitor._handle_job_event(event("queued"))
    monitor.unsubscribe(second)
    monitor.unsubscribe("unknown")
    monitor._handle_job_event(event("processing"))
    assert told == [1, 2, 1]


@pytest.mark.parametrize("payload", [b"no json", b"[1]", b"5", {"job_id": 5}, {"job_id": "j"}, {"job_id": "other"}])
def test_odd_events_are_dropped(monitor, payload):
    progress = MagicMock()
    monitor.subscribe_job_updates("j", on_progress=progress)
    monitor._handle_job_event(message(payload))
    progress.assert_not_called()


def test_odd_records_are_dropped(monitor):
    monitor._handle_record(message({"job_id": "j"}, "runyard/users/0/c/j"))
    assert monitor.expected("j") is None


def test_a_callback_that_fails_stops_nobody(monitor):
    end = MagicMock()
    monitor.subscribe_job_updates("j", on_progress=MagicMock(side_effect=RuntimeError("bug")), on_complete=end)
    monitor._handle_job_event(event("completed", 100))
    end.assert_called_once()


def test_a_coroutine_without_a_loop_is_dropped(monitor, caplog):
    async def never(job):
        raise AssertionError

    monitor.subscribe_job_updates("j", on_complete=never)
    monitor._handle_job_event(event("completed", 100))
    assert "no event loop was running" in caplog.text


def test_workers_come_and_go(monitor):
    seen = MagicMock(side_effect=[None, RuntimeError("bug"), None])
    monitor.subscribe_worker_updates(seen)
    monitor._handle_worker_capability(message(WORKER, "inference/workers/w1"))
    assert monitor.get_worker_capabilities() == {"w1": WorkerCapability(**WORKER)}
    older = {"id": "w2", **{key: value for key, value in WORKER.items() if key != "worker_id"}}
    monitor._handle_worker_capability(message(older, "inference/workers/w2"))
    assert monitor._workers["w2"].worker_id == "w2"
    monitor._handle_worker_capability(message({"capabilities": 5}, "inference/workers/w3"))
    monitor._handle_worker_capability(message(b"", "inference/workers/w1"))
    assert set(monitor._workers) == {"w2"}
    seen.assert_called_with("w1", None)


async def test_waiting_for_a_worker_ends_when_it_comes(monitor):
    waiting = asyncio.create_task(monitor.wait_for_capability("hash", timeout=10))
    await asyncio.sleep(0)
    monitor._handle_worker_capability(message(WORKER, "inference/workers/w1"))
    assert await waiting is True


async def test_waiting_for_a_worker_ends_in_time(monitor):
    monitor._workers["w1"] = WorkerCapability(**{**WORKER, "idle_count": 0})
    with pytest.raises(WorkerUnavailableError, match="hash"):
        await monitor.wait_for_capability("hash", timeout=0.01)


async def test_workers_are_announced_by_a_broker(broker, publisher):
    monitor = MQTTJobMonitor("127.0.0.1", broker.port)
    await publisher.publish("inference/workers/w1", WORKER, retain=True)
    assert await monitor.wait_for_capability("hash", timeout=10)
    assert monitor._connected
    await asyncio.to_thread(monitor.close)


def test_the_broker_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("MQTT_BROKER_HOST", "b")
    monkeypatch.setenv("MQTT_BROKER_PORT", "5")
    monitor = MQTTJobMonitor()
    assert (monitor.broker, monitor.port, monitor._connected) == ("b", 5, False)


def test_a_shared_monitor_closes_with_its_last_user():
    first = get_mqtt_monitor("mqtt://b:5")
    assert get_mqtt_monitor("mqtt://b:5") is first
    release_mqtt_monitor(first)
    assert first._link.state == "idle"
    release_mqtt_monitor(first)
    assert first._link.state == "closed"
    assert get_mqtt_monitor("mqtt://b:5") is not first
    with pytest.raises(ValueError, match="mqtt://"):
        get_mqtt_monitor("mqtts://b")


async def test_a_refused_subscription_is_not_waited_for(monitor):
    waiting = asyncio.create_task(monitor.open_channel())
    await asyncio.sleep(0)
    client = monitor.client
    client.subscribe.return_value = (0, 11)
    link = monitor._link
    link._connected(client, None, None, SimpleNamespace(is_failure=False), None)
    link._subscribed(client, None, 11, [SimpleNamespace(value=128)], None)
    assert await asyncio.wait_for(waiting, 10) is None


async def test_a_refused_connection_is_not_waited_for(monitor):
    waiting = asyncio.create_task(monitor.open_channel())
    await asyncio.sleep(0)
    monitor._link._connected(monitor.client, None, None, SimpleNamespace(is_failure=True), None)
    assert await asyncio.wait_for(waiting, 10) is None
    assert monitor._link.state == "down"


def test_what_an_old_connection_says_is_not_heard(monitor):
    monitor.subscribe_job_updates("j")
    old = MagicMock()
    link = monitor._link
    link._connected(old, None, None, SimpleNamespace(is_failure=False), None)
    link._connect_failed(old, None)
    link._subscribed(old, None, 1, [], None)
    assert link.state == "connecting"


def record(status, progress=0, seq=None):
    return JobResponse(job_id="j", task_type="hash", status=status, progress=progress, created_at=1, seq=seq)


def test_numbered_records_are_news_by_their_number():
    track = Track("j")
    assert track.observe(record("processing", 50, seq=4))
    assert not track.observe(record("processing", 60, seq=4))
    assert not track.observe(record("processing", 40, seq=3))
    assert track.observe(record("processing", 50, seq=5))  # something else has changed
    assert not track.observe(record("processing", 0, seq=6))  # it starts again after its worker was lost
    assert track.latest.seq == 6
    assert track.observe(record("failed", 10, seq=7))
    assert not track.observe(record("completed", 100, seq=8))


async def test_what_was_known_at_the_beginning_is_never_told_after_what_came_since(monitor):
    """The end arrives between a subscription and the moment it would be told of the job's first state."""
    steps = []
    track = monitor._jobs.track("j")
    track.observe(JobResponse(job_id="j", task_type="hash", status="queued", created_at=9))
    monitor.subscribe_job_updates("j", on_progress=lambda job: steps.append(job.status))
    monitor._handle_job_event(event("completed", 100))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert steps == ["completed"]
