"""How long a media job takes from submit to ``on_complete``, alone and with 500 subscribers; what an answer costs.

Baselines: the plugin's own function in this process; an echo through the broker alone; a bare FastAPI route that sends
the same record.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiomqtt
import httpx
import psutil
import uvicorn
from fastapi import FastAPI
from PIL import Image

from cl_client import ComputeClient, JobResponse, SessionManager
from cl_client.server_config import ServerConfig
from runyard.services.compute.plugin import Task
from runyard.services.compute.plugins.hash import hash_media
from runyard.testing.running import RunningYard

ROUNDS = 200
SUBSCRIBERS = 500
REQUESTS = 2000
MIB = 1 << 20


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show(what: str, values: list[float], baseline: float | None = None) -> None:
    text = f"{what}: p50 {statistics.median(values) * 1000:.1f} ms, p99 {percentile(values, 0.99) * 1000:.1f} ms"
    print(text + (f", {statistics.median(values) / baseline:.1f} x the baseline" if baseline else ""))


def photo(folder: Path) -> Path:
    path = folder / "photo.jpg"
    Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 64).convert("RGB").save(path)
    return path


def alone(image: Path, folder: Path) -> float:
    """Seconds the plugin's function takes by itself."""
    took = []
    for number in range(30):
        task = Task(
            input=image, name=image.name, params=hash_media.parameters(), folder=folder / str(number), models=folder
        )
        start = time.perf_counter()
        hash_media.run([task])
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def config(yard: RunningYard) -> ServerConfig:
    return ServerConfig(
        auth_url=yard.url, compute_url=yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port
    )


async def latencies(yard: RunningYard, image: Path) -> tuple[list[float], list[float]]:
    """Seconds from submit to ``on_complete``, and to the return of ``wait=True``."""
    called, waited = [], []
    async with ComputeClient(server_config=config(yard)) as client:
        for number in range(ROUNDS + 10):
            done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

            def on_complete(job: JobResponse, done: asyncio.Future[float] = done) -> None:
                assert job.status == "completed", job.error_message
                done.set_result(time.perf_counter())

            start = time.perf_counter()
            await client.hash.compute(image=image, on_complete=on_complete)
            took = await done - start
            start = time.perf_counter()
            await client.hash.compute(image=image, wait=True)
            if number >= 10:
                called.append(took)
                waited.append(time.perf_counter() - start)
    return called, waited


async def crowd(yard: RunningYard, image: Path) -> None:
    """500 connections; each has a job of its own and is told once that it has ended.

    The clock of a job runs from its end in the worker: what is measured is the way of the news.
    """
    content = image.read_bytes()
    several = asyncio.Semaphore(16)
    connected = asyncio.Barrier(SUBSCRIBERS)
    delays: list[float] = []

    async with httpx.AsyncClient(base_url=yard.compute_url, timeout=60) as http:

        async def subscriber(number: int) -> None:
            channel = f"subscriber-{number:04}"
            async with aiomqtt.Client("127.0.0.1", yard.mqtt_port, timeout=60) as mqtt:
                await mqtt.subscribe(f"runyard/users/0/{channel}/+", qos=1)
                await connected.wait()
                async with several:
                    answer = await http.post(
                        "/jobs/hash", files={"file": ("a.jpg", content)}, headers={"Runyard-Channel": channel}
                    )
                ends = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(120) as patience:
                        async for message in mqtt.messages:
                            record = json.loads(bytes(message.payload))  # type: ignore[arg-type]
                            assert record["job_id"] == answer.json()["job_id"]
                            if record["status"] == "completed":
                                ends += 1
                                delays.append(time.time() - record["completed_at"] / 1000)
                                patience.reschedule(asyncio.get_running_loop().time() + 1)  # a second one?
                assert ends == 1, f"{channel} was told {ends} times"

        start = time.perf_counter()
        await asyncio.gather(*map(subscriber, range(SUBSCRIBERS)))
    show(f"{SUBSCRIBERS} subscribers, a job each in {time.perf_counter() - start:.1f} s, its end -> told", delays)


def bare(record: dict[str, object], port: int) -> None:
    """A route that sends the same bytes' worth of record and does nothing else."""
    app = FastAPI()

    @app.get("/jobs/{job_id}")
    async def get(job_id: str) -> dict[str, object]:
        return {**record, "job_id": job_id}

    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="error", access_log=False)


async def rate(url: str, headers: dict[str, str]) -> float:
    """Requests a second over eight connections."""
    async with httpx.AsyncClient(headers=headers, limits=httpx.Limits(max_connections=8)) as client:
        await client.get(url)

        async def some() -> None:
            for _ in range(REQUESTS // 8):
                assert (await client.get(url)).status_code == 200

        start = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(8)))
        return REQUESTS / (time.perf_counter() - start)


async def reading(yard: RunningYard, image: Path) -> None:
    """An authenticated GET of a job against the bare route, turn by turn."""
    account = yard.account()
    async with SessionManager(server_config=config(yard)) as session:
        await session.login(account.username, account.password)
        client = session.create_compute_client()
        job = await client.hash.compute(image=image, wait=True)
        headers = {"Authorization": f"Bearer {session.get_token()}"}
        await client.close()
    record = httpx.get(f"{yard.compute_url}/jobs/{job.job_id}", headers=headers).json()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=bare, args=(record, port), daemon=True)
    process.start()
    await until(lambda: httpx.get(f"http://127.0.0.1:{port}/jobs/x").status_code == 200)
    ours, theirs = [], []
    for _ in range(5):
        theirs.append(await rate(f"http://127.0.0.1:{port}/jobs/{job.job_id}", headers))
        ours.append(await rate(f"{yard.compute_url}/jobs/{job.job_id}", headers))
    process.terminate()
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"GET of a job with a token: {a:.0f} a second; bare FastAPI route: {b:.0f}; ratio {a / b:.2f}")


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        try:
            if condition():
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise TimeoutError("the bare route does not answer")


async def upload(yard: RunningYard) -> None:
    """A video of 1 GB; most memory the API process has meanwhile."""
    api = psutil.Process(yard.pid)
    before = most = api.memory_info().rss

    async def content() -> object:
        nonlocal most
        for _ in range(1024):
            most = max(most, api.memory_info().rss)
            yield b"\0" * MIB

    start = time.perf_counter()
    async with ComputeClient(server_config=config(yard)) as client:
        await client.submit("hash", content(), filename="video.mp4")
    took = time.perf_counter() - start
    print(f"upload of 1 GB: server grows {(most - before) / MIB:.0f} MB, {1024 / took:.0f} MB/s")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, RunningYard() as yard:
        folder = Path(name)
        image = photo(folder)
        baseline = alone(image, folder)
        print(f"the plugin's function alone: {baseline * 1000:.1f} ms")
        called, waited = asyncio.run(latencies(yard, image))
        show("hash job, submit -> on_complete", called, baseline)
        show("hash job, wait=True", waited, baseline)
        asyncio.run(reading(yard, image))
        asyncio.run(crowd(yard, image))
        asyncio.run(upload(yard))
        print(json.dumps({"rounds": ROUNDS, "subscribers": SUBSCRIBERS}))


if __name__ == "__main__":
    main()
