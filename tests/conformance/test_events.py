"""What the broker tells programs of the original interface: jobs and workers, on topics that all may read."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from runyard.testing.running import RunningYard, TestAccount

from .conftest import SignedIn, submit
from .listener import EVENTS, WORKERS, Listener
from .pictures import CLIP, picture

DONE = [("queued", 0), ("processing", 0), ("completed", 100)]


@pytest.mark.parametrize("protocol", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])
def test_every_job_is_told_from_its_beginning_to_its_end(
    yard: RunningYard, compute: httpx.Client, protocol: MQTTProtocolVersion
) -> None:
    with Listener(yard.mqtt_port, EVENTS, protocol=protocol) as listener:
        jobs = [submit(compute, "hash", "a.jpg", picture()) for _ in range(20)]
        assert [listener.story(job) for job in jobs] == [DONE] * 20


def test_an_event_is_what_it_always_was(yard: RunningYard, compute: httpx.Client) -> None:
    with Listener(yard.mqtt_port, EVENTS) as listener:
        job = submit(compute, "hash", "a.jpg", picture())
        listener.story(job)
        events = listener.events(job)
    for event in events:
        assert list(event)[:4] == ["job_id", "event_type", "timestamp", "progress"]
        assert abs(event["timestamp"] / 1000 - time.time()) < 60
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})


def test_a_failure_is_an_end_too(yard: RunningYard, compute: httpx.Client) -> None:
    with Listener(yard.mqtt_port, EVENTS) as listener:
        job = submit(compute, "image_conversion", "a.jpg", b"no picture", format="png")
        assert [status for status, _ in listener.story(job)] == ["queued", "processing", "failed"]


def test_progress_grows(yard: RunningYard, compute: httpx.Client) -> None:
    variants = json.dumps([{"resolution": 144, "bitrate": 300}])
    with Listener(yard.mqtt_port, EVENTS) as listener:
        told = listener.story(submit(compute, "hls_streaming", "clip.mp4", CLIP, variants=variants))
    assert told[:2] == DONE[:2]
    assert told[-1] == ("completed", 100)
    steps = [progress for status, progress in told if status == "processing"]
    assert steps == sorted(set(steps))
    assert 0 < steps[-1] <= 99


def test_jobs_of_users_are_told_on_this_machine(yard: RunningYard, signed_in: SignedIn, ada: TestAccount) -> None:
    """Programs of the original kind sign in to the service, and to the broker never."""
    with Listener(yard.mqtt_port, EVENTS) as listener:
        assert listener.story(submit(signed_in(ada), "hash", "a", b"x")) == DONE


def test_an_end_is_told_when_whoever_submitted_the_job_can_listen(yard: RunningYard, compute: httpx.Client) -> None:
    """Programs subscribe to a job two round trips after its submit; a hash takes the yard some milliseconds."""
    with Listener(yard.mqtt_port, EVENTS) as listener:
        job = submit(compute, "hash", "a", b"x")
        listener.story(job)
        *_, end = listener.events(job)
    assert end["timestamp"] - compute.get(f"/jobs/{job}").json()["created_at"] >= 1000


def test_a_deletion_is_not_told(yard: RunningYard, compute: httpx.Client) -> None:
    with Listener(yard.mqtt_port, EVENTS) as listener:
        job = submit(compute, "hash", "a", b"x")
        listener.story(job)
        assert compute.delete(f"/jobs/{job}").status_code == 204
        listener.story(submit(compute, "hash", "b", b"y"))
        assert [event["event_type"] for event in listener.events(job)] == ["queued", "processing", "completed"]


def test_nobody_but_the_yard_tells_of_jobs(yard: RunningYard, compute: httpx.Client) -> None:
    with Listener(yard.mqtt_port, EVENTS, WORKERS) as listener:
        body = json.dumps({"job_id": "forged", "event_type": "completed", "timestamp": 1, "progress": 100})
        for topic in (EVENTS, "inference/workers/forged"):
            listener.client.publish(topic, body, qos=1)
        listener.story(submit(compute, "hash", "a", b"x"))
        assert "forged" not in repr(listener.heard)


# ---------------------------------------------------------------- workers


def test_a_worker_is_announced_to_whoever_comes(yard: RunningYard) -> None:
    with Listener(yard.mqtt_port, WORKERS) as listener:
        listener.wait(lambda: listener.heard, "an announcement")
        topic, body, kept = listener.heard[0]
    assert kept
    assert list(body) == ["worker_id", "id", "capabilities", "idle_count", "timestamp"]
    assert topic == f"inference/workers/{body['worker_id']}"
    assert body["id"] == body["worker_id"]
    assert "hash" in body["capabilities"]
    assert body["idle_count"] in {0, 1}
    assert abs(body["timestamp"] / 1000 - time.time()) < 60
