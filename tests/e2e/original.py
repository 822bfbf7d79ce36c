"""A program of the original generation in miniature, with its habits and its blind spots.

It knows the wire as it was: one broker connection without a name, QoS 0, a subscription to a job only after its submit and a look at
its record, two words that end a job, a token that stays what it was at the sign-in.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import BaseModel, ValidationError

log = logging.getLogger("original")

ENDED = {"completed", "failed"}
INTERVAL, SLOWER, LONGEST = 1.0, 1.5, 10.0


class JobResponse(BaseModel):
    """A record; what it doesn't know is ignored."""

    job_id: str
    task_type: str
    status: str
    created_at: int
    progress: int = 0
    params: dict[str, Any] = {}
    task_output: dict[str, Any] | None = None
    error_message: str | None = None
    priority: int = 5
    updated_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None


class WorkerCapability(BaseModel):
    """An announcement; one without `worker_id` is dropped."""

    worker_id: str
    capabilities: list[str]
    idle_count: int
    timestamp: int


Callback: TypeAlias = Callable[[JobResponse], object]


class Monitor:
    """Jobs and workers as the broker tells of them, to callbacks in the broker's thread. Nothing is told twice or asked for."""

    def __init__(self, broker: str, port: int) -> None:
        self.workers: dict[str, WorkerCapability] = {}
        self.connects = 0
        self._jobs: dict[str, list[tuple[Callback | None, Callback | None]]] = {}
        self._connected = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, clean_session=True
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect(broker, port, keepalive=60)
        self._client.loop_start()
        if not self._connected.wait(5.0):
            log.warning("no broker yet")

    def subscribe(self, job_id: str, on_progress: Callback | None, on_complete: Callback | None) -> None:
        self._jobs.setdefault(job_id, []).append((on_progress, on_complete))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe("inference/workers/+", qos=0)
        client.subscribe("inference/events", qos=0)
        self.connects += 1
        self._connected.set()

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic == "inference/events":
                self._job(json.loads(message.payload))
            else:
                self._worker(message.topic.rpartition("/")[2], message.payload)
        except (ValueError, ValidationError):
            log.warning("dropped: %r", message.payload)

    def _worker(self, worker_id: str, payload: bytes) -> None:
        if payload:
            self.workers[worker_id] = WorkerCapability.model_validate_json(payload)
        else:
            self.workers.pop(worker_id, None)

    def _job(self, event: Mapping[str, Any]) -> None:
        for on_progress, on_complete in self._jobs.get(event["job_id"], ()):
            job = JobResponse(
                job_id=event["job_id"],
                task_type="unknown",
                status=event["event_type"],
                progress=int(event.get("progress") or 0),
                created_at=event["timestamp"],
            )
            if on_progress is not None:
                on_progress(job)
            if on_complete is not None and job.status in ENDED:
                on_complete(job)


class Client:
    """The compute service, for a guest or with a token that is never renewed."""

    def __init__(self, compute_url: str, port: int, *, token: str | None = None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.session = httpx.Client(base_url=compute_url, timeout=30.0, headers=headers)
        self.monitor = Monitor("localhost", port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        self.monitor.close()

    def submit(
        self,
        task_type: str,
        file: Path,
        params: Mapping[str, object] | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        on_progress: Callback | None = None,
        on_complete: Callback | None = None,
    ) -> JobResponse:
        """Submit, look at the record, and only then subscribe; at last poll, if that is wanted."""
        fields = {name: "" if value is None else str(value) for name, value in (params or {}).items()}
        with file.open("rb") as content:
            answer = self.session.post(
                f"/jobs/{task_type}", files={"file": (file.name, content)}, data={"priority": "5", **fields}
            )
        answer.raise_for_status()
        job = self.get_job(answer.json()["job_id"])
        if on_progress is not None or on_complete is not None:
            self.monitor.subscribe(job.job_id, on_progress, on_complete)
        return self.wait_for_job(job.job_id, timeout) if wait else job

    def get_job(self, job_id: str) -> JobResponse:
        answer = self.session.get(f"/jobs/{job_id}")
        answer.raise_for_status()
        return JobResponse.model_validate(answer.json())

    def wait_for_job(self, job_id: str, timeout: float | None = None) -> JobResponse:
        begin, pause = time.monotonic(), INTERVAL
        while (job := self.get_job(job_id)).status not in ENDED:
            if timeout and time.monotonic() - begin > timeout:
                raise TimeoutError(f"Job {job_id} timeout after {timeout}s (status: {job.status})")
            threading.Event().wait(pause)
            pause = min(pause * SLOWER, LONGEST)
        return job

    def download_job_file(self, job_id: str, path: str, dest: Path) -> None:
        answer = self.session.get(f"/jobs/{job_id}/files/{path}")
        answer.raise_for_status()
        dest.write_bytes(answer.content)

    def wait_for_worker(self, task_type: str, timeout: float = 30.0) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if any(task_type in one.capabilities and one.idle_count > 0 for one in list(self.monitor.workers.values())):
                return True
            threading.Event().wait(1.0)
        return False


def login(auth_url: str, username: str, password: str) -> str:
    """A token, as it is for the whole life of the program."""
    answer = httpx.post(f"{auth_url}/auth/token", data={"username": username, "password": password})
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    httpx.get(f"{auth_url}/users/me", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    return token
