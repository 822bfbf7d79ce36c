"""What programs of the original interface have to survive, and what the service does about it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from .conftest import TIMEOUT, completed, ended, submit
from .listener import EVENTS, WORKERS, Listener
from .pictures import CLIP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DONE = [("queued", 0), ("processing", 0), ("completed", 100)]


@pytest.fixture(scope="module")
def fragile(yard_database: str) -> Iterator[RunningYard]:
    """A yard that notices lost workers quickly."""
    with RunningYard(database_url=yard_database, settings={"heartbeat_seconds": "3"}) as yard:
        yield yard


@pytest.fixture(scope="module")
def guest(fragile: RunningYard) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fragile.compute_url, timeout=TIMEOUT) as client:
        completed(client, "hash", "a", b"x")  # the worker is there
        yield client


@contextmanager
def another_worker(yard: RunningYard) -> Iterator[None]:
    """A second worker of the yard, once it is announced."""
    environment = {**yard.environment, "RUNYARD_MQTT_PORT": str(yard.mqtt_port)}
    with Listener(yard.mqtt_port, WORKERS) as listener:
        listener.wait(listener.workers, "the first worker")
        with (yard.data_dir / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "runyard", "worker"], env=environment, stdout=log, stderr=log
            )
        try:
            listener.wait(lambda: len(listener.workers()) == 2, "the second worker")
            yield
        finally:
            worker.terminate()
            worker.wait(60)
        listener.wait(lambda: len(listener.workers()) == 1, "the second worker's farewell")


def test_two_workers_take_each_job_once(fragile: RunningYard, guest: httpx.Client) -> None:
    with another_worker(fragile):
        wait_until(lambda: guest.get("/capabilities").json()["num_workers"] == 2, "both workers", seconds=10)
        with Listener(fragile.mqtt_port, EVENTS) as listener:
            jobs = [submit(guest, "hash", f"{number}.txt", b"x") for number in range(60)]
            assert [listener.story(job) for job in jobs] == [DONE] * len(jobs)
        assert {guest.get(f"/jobs/{job}").json()["attempt"] for job in jobs} == {1}


def test_a_job_that_is_deleted_while_it_runs_leaves_nothing(fragile: RunningYard, guest: httpx.Client) -> None:
    with Listener(fragile.mqtt_port, EVENTS) as listener:
        job = running(guest, listener)
        assert guest.delete(f"/jobs/{job}").status_code == 204
        assert guest.get(f"/jobs/{job}").status_code == 404
        assert listener.story(submit(guest, "hash", "a", b"x")) == DONE
        assert {event["event_type"] for event in listener.events(job)} == {"queued", "processing"}
    assert guest.get(f"/jobs/{job}/files/output/adaptive.m3u8").status_code == 404


@pytest.mark.kill
def test_a_worker_that_dies_is_missed_and_its_job_done_by_another(fragile: RunningYard, guest: httpx.Client) -> None:
    with Listener(fragile.mqtt_port, EVENTS, WORKERS) as listener:
        job = running(guest, listener)
        listener.wait(listener.workers, "a worker")
        (dead,) = listener.workers()
        fragile.worker().kill()
        listener.wait(lambda: (dead, None) in [heard[:2] for heard in listener.heard], "the last will")
        told = listener.story(job)
    assert told[-1] == ("completed", 100)
    assert [status for status, _ in told].count("completed") == 1
    record = ended(guest, job)
    assert (record["attempt"], record["task_output"]["total_segments"]) == (2, 4)
    assert guest.get("/capabilities").json()["num_workers"] == 1


def running(guest: httpx.Client, listener: Listener) -> str:
    """A job of some seconds, which a worker has begun."""
    variants = json.dumps([{"resolution": 720, "bitrate": 3500}])
    job = submit(guest, "hls_streaming", "clip.mp4", CLIP, variants=variants)
    listener.wait(lambda: [one for one in listener.events(job) if one["event_type"] == "processing"], f"{job} to run")
    return job
