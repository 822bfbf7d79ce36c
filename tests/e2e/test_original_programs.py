"""Programs of the original generation work unchanged: `original.py` is one, written from nothing but the wire as it was."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from PIL import Image

from runyard.testing.faults import Latency
from runyard.testing.running import RunningYard, wait_until
from runyard.testing.sync_proxy import SyncFaultProxy

from .media import fill
from .mosquitto import Mosquitto
from .original import Client, JobResponse, login

DEADLINE = 60.0
DONE = [("queued", 0), ("processing", 0), ("completed", 100)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("files"))


@pytest.fixture
def program(yard: RunningYard) -> Iterator[Client]:
    with Client(yard.compute_url, yard.mqtt_port) as client:
        yield client


class Ends:
    """The callbacks of a program, and what they were called with."""

    def __init__(self) -> None:
        self.told: list[JobResponse] = []
        self.threads: set[str] = set()
        self._ends: queue.Queue[JobResponse] = queue.Queue()

    def on_progress(self, job: JobResponse) -> None:
        self.told.append(job)

    def on_complete(self, job: JobResponse) -> None:
        self.threads.add(threading.current_thread().name)
        self._ends.put(job)

    def next(self) -> JobResponse:
        return self._ends.get(timeout=DEADLINE)

    @property
    def steps(self) -> list[tuple[str, int]]:
        return [(job.status, job.progress) for job in self.told]


# ---------------------------------------------------------------- guests


def test_callbacks(program: Client, files: Path, tmp_path: Path) -> None:
    ends = Ends()
    job = program.submit("hash", files / "photo.jpg", on_progress=ends.on_progress, on_complete=ends.on_complete)
    assert job.status in {"queued", "processing", "completed"}
    end = ends.next()
    assert (end.job_id, end.status, end.task_output) == (job.job_id, "completed", None)
    assert ends.steps == DONE[-len(ends.steps) :]
    assert ends.steps[-1] == DONE[-1]
    assert threading.main_thread().name not in ends.threads
    record = program.get_job(job.job_id)  # the event has no output: programs fetch the record
    assert (record.status, record.progress, record.task_output["media_type"]) == ("completed", 100, "image")
    program.download_job_file(job.job_id, record.params["output_path"], tmp_path / "hash.json")
    assert json.loads((tmp_path / "hash.json").read_text())["algorithm"] == "sha512_image"
    assert ends._ends.empty()


def test_polling(program: Client, files: Path, tmp_path: Path) -> None:
    job = program.submit("media_thumbnail", files / "photo.jpg", {"width": 64, "height": None}, wait=True, timeout=30.0)
    assert (job.status, job.params["width"], job.params["height"]) == ("completed", 64, None)
    program.download_job_file(job.job_id, job.params["output_path"], tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as thumbnail:
        assert thumbnail.size == (64, 64)


def test_a_failure_ends_every_wait(program: Client, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"no photo at all")
    ends = Ends()
    job = program.submit(
        "face_detection", tmp_path / "photo.jpg", wait=True, timeout=30.0, on_complete=ends.on_complete
    )
    assert (job.status, job.task_output) == ("failed", None)
    assert "photo.jpg" in (job.error_message or "")
    assert ends.next().status == "failed"


def test_waiting_for_workers(program: Client) -> None:
    assert program.wait_for_worker("hash")
    assert not program.wait_for_worker("teleportation", timeout=1.5)
    (worker,) = program.monitor.workers.values()
    assert set(worker.capabilities) == set(program.session.get("/capabilities").json()["capabilities"])


@pytest.mark.parametrize("seconds", [0.002, 0.01, 0.05])
def test_no_completion_is_missed_however_far_away_the_program_is(
    yard: RunningYard, files: Path, seconds: float
) -> None:
    """It begins to listen to a job two round trips after the submit, and a hash takes the yard less than that."""
    http = int(yard.compute_url.rpartition(":")[2])
    with SyncFaultProxy("127.0.0.1", http) as near, SyncFaultProxy("127.0.0.1", yard.mqtt_port) as broker:
        for proxy in (near, broker):
            proxy.inject(Latency(seconds), "up")
            proxy.inject(Latency(seconds), "down")
        with Client(near.url, broker.port) as program:
            for _ in range(5):
                ends = Ends()
                job = program.submit("hash", files / "input.png", on_complete=ends.on_complete)
                assert (ends.next().job_id, ends._ends.empty()) == (job.job_id, True)


# ---------------------------------------------------------------- users


@pytest.fixture
def without_guests(yard: RunningYard) -> Iterator[None]:
    root = yard.account(is_admin=True)
    headers = {"Authorization": f"Bearer {login(yard.url, root.username, root.password)}"}

    def switch(word: str) -> None:
        address = f"{yard.compute_url}/admin/config/guest-mode"
        httpx.put(address, data={"guest_mode": word}, headers=headers).raise_for_status()

    switch("false")
    yield
    switch("true")


@pytest.mark.usefixtures("without_guests")
def test_a_user_with_a_token(yard: RunningYard, files: Path) -> None:
    ada = yard.account()
    token = login(yard.url, ada.username, ada.password)
    ends = Ends()
    with Client(yard.compute_url, yard.mqtt_port, token=token) as program:
        job = program.submit("hash", files / "photo.jpg", on_progress=ends.on_progress, on_complete=ends.on_complete)
        assert ends.next().status == "completed"
        assert ends.steps[-1] == DONE[-1]
        assert program.submit("exif", files / "photo.jpg", wait=True).status == "completed"
    with Client(yard.compute_url, yard.mqtt_port) as guest, pytest.raises(httpx.HTTPStatusError) as refused:
        guest.get_job(job.job_id)
    assert refused.value.response.status_code == 401


def test_a_wrong_password(yard: RunningYard) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        login(yard.url, yard.account().username, "wrong")
    assert refused.value.response.status_code == 401


@pytest.mark.usefixtures("without_guests")
def test_a_missing_permission(yard: RunningYard, files: Path) -> None:
    bob = yard.account(permissions=["media_store_read"])
    token = login(yard.url, bob.username, bob.password)
    with (
        Client(yard.compute_url, yard.mqtt_port, token=token) as program,
        pytest.raises(httpx.HTTPStatusError) as refused,
    ):
        program.submit("hash", files / "photo.jpg")
    assert refused.value.response.status_code == 403


# ---------------------------------------------------------------- a yard that comes back


def test_the_connection_comes_back_with_the_yard(yard_database: str, files: Path) -> None:
    with RunningYard(database_url=yard_database) as yard, Client(yard.compute_url, yard.mqtt_port) as program:
        assert program.submit("hash", files / "photo.jpg", wait=True).status == "completed"
        yard.stop()
        yard.start()
        wait_until(lambda: program.monitor.connects == 2, "the program to be connected again")
        ends = Ends()
        program.submit("hash", files / "photo.jpg", on_complete=ends.on_complete)
        assert ends.next().status == "completed"
        assert program.wait_for_worker("hash")


# ---------------------------------------------------------------- workers of other generations


@pytest.fixture(scope="module")
def shared(yard_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningYard]:
    """A yard on a broker where others publish, too."""
    with (
        Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker,
        RunningYard(database_url=yard_database, settings={"mqtt_url": f"mqtt://127.0.0.1:{broker.port}"}) as yard,
    ):
        yield yard


@pytest.mark.parametrize("named", ["worker_id", "id"])
def test_workers_of_both_generations_count(shared: RunningYard, named: str) -> None:
    with httpx.Client(base_url=shared.compute_url) as compute, Client(shared.compute_url, shared.mqtt_port) as program:
        wait_until(lambda: compute.get("/capabilities").json()["num_workers"] == 1, "the yard's worker")
        worker = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        worker.will_set("inference/workers/elsewhere", b"", qos=1, retain=True)
        worker.connect("127.0.0.1", shared.mqtt_port, keepalive=60, clean_start=True)
        worker.loop_start()
        announcement = {
            named: "elsewhere",
            "capabilities": ["hash", "clip_embedding"],
            "idle_count": 1,
            "timestamp": time.time_ns() // 1_000_000,
        }
        worker.publish("inference/workers/elsewhere", json.dumps(announcement), qos=1, retain=True).wait_for_publish(10)
        wait_until(lambda: compute.get("/capabilities").json()["num_workers"] == 2, "the other worker")
        found = compute.get("/capabilities").json()["capabilities"]
        assert (found["clip_embedding"], found["hash"]) == (1, 2)
        assert program.wait_for_worker("clip_embedding", timeout=3) is (named == "worker_id")
        worker.publish("inference/workers/elsewhere", b"", qos=1, retain=True).wait_for_publish(10)
        worker.disconnect()
        worker.loop_stop()
        wait_until(lambda: compute.get("/capabilities").json()["num_workers"] == 1, "the other worker's farewell")


def test_jobs_are_told_on_a_shared_broker_as_well(shared: RunningYard, files: Path) -> None:
    ends = Ends()
    with Client(shared.compute_url, shared.mqtt_port) as program:
        program.submit("hash", files / "photo.jpg", on_progress=ends.on_progress, on_complete=ends.on_complete)
        assert ends.next().status == "completed"
    assert ends.steps[-1] == DONE[-1]
