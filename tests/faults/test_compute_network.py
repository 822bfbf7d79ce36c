"""What bad networks do to a client of a real media service: nothing is lost, nothing comes twice (invariants 2 and 3).

One proxy stands before the HTTP port, one before the broker.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from cl_client import ComputeClient
from runyard.testing.faults import Blackhole, Cut, Fault, Latency, Reset, Slice, Throttle
from runyard.testing.proxy import FaultProxy
from runyard.testing.running import RunningYard

from .conftest import DEADLINE, HASTY, Ends, connected
from .hostile import photo

CONNACK, SUBACK = 4, 5
"""Bytes of the broker's first two answers in MQTT 3.1.1."""

STEP = 150
"""Bytes between two places where the connection to the broker is cut; a record has about 700."""

BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wires:
    """The proxies before the yard."""

    yard: RunningYard
    http: FaultProxy
    mqtt: FaultProxy

    def client(self, *, broker: bool = True) -> ComputeClient:
        """A client that comes this way."""
        return connected(
            self.yard, compute_url=self.http.url, mqtt_port=self.mqtt.port if broker else 0, retry=HASTY
        )  # fmt: skip


@pytest.fixture
async def wires(media_yard: RunningYard) -> AsyncIterator[Wires]:
    port = int(media_yard.compute_url.rsplit(":", 1)[1])
    async with FaultProxy("127.0.0.1", port) as http, FaultProxy("127.0.0.1", media_yard.mqtt_port) as mqtt:
        yield Wires(media_yard, http, mqtt)


@pytest.fixture(scope="module")
def content() -> bytes:
    """Of many network packets."""
    return photo("PNG", 800, 600)


# ---------------------------------------------------------------- to the server


@pytest.mark.parametrize("fault", [Reset, Cut])
async def test_an_upload_that_breaks_anywhere_makes_one_job(
    wires: Wires, content: bytes, tmp_path: Path, fault: type[Reset | Cut]
) -> None:
    """Invariant 3, with a file that can be read again."""
    ends, path = Ends(), tmp_path / f"{uuid4().hex}.png"
    path.write_bytes(content)
    places = [0, 1, 200, 600, len(content) // 2, len(content), len(content) + 500]
    for after in places:
        async with wires.client() as client:
            wires.http.inject(fault(after=after), "up", times=1)
            job = (await client.hash.compute(path, on_complete=ends)).job_id
            (record,) = await ends.of(job)
            assert record.task_output is not None
            assert record.task_output["sha256"] == hashlib.sha256(content).hexdigest()
            wires.http.clear()
    assert ends.were_told_once()
    assert await named(wires, path.name) == set(ends.records)


async def test_a_submit_whose_answer_is_lost_makes_one_job(wires: Wires, content: bytes, tmp_path: Path) -> None:
    """Invariant 3: the server has done it, the client doesn't know."""
    ends, path = Ends(), tmp_path / f"{uuid4().hex}.png"
    path.write_bytes(content)
    async with wires.client() as client:
        wires.http.inject(Cut(lazy=True), times=1)
        job = (await client.hash.compute(path, on_complete=ends)).job_id
        await ends.of(job)
    assert wires.http.connections >= 2
    assert ends.were_told_once()
    assert await named(wires, path.name) == {job}


async def test_a_stream_that_breaks_is_the_callers_to_repeat(wires: Wires, content: bytes) -> None:
    """Invariant 3: what was read once can't be sent again; half of a file is no job."""
    name, given = f"{uuid4().hex}.png", 0

    async def blocks() -> AsyncIterator[bytes]:
        nonlocal given
        for start in range(0, len(content), BLOCK):
            given += 1
            yield content[start : start + BLOCK]

    async with wires.client() as client:
        wires.http.inject(Reset(after=len(content) // 2), "up", times=1)
        with pytest.raises(httpx.TransportError):
            await client.submit("hash", blocks(), filename=name)
        assert given <= -(-len(content) // BLOCK)
        assert await named(wires, name) == set()


async def test_a_stream_whose_answer_is_lost_is_found_again_by_its_key(wires: Wires, content: bytes) -> None:
    """Invariant 3: the caller doesn't know whether there is a job, and repeats the call with its key."""
    name, key = f"{uuid4().hex}.png", uuid4().hex

    async def blocks() -> AsyncIterator[bytes]:
        yield content

    async with wires.client() as client:
        wires.http.inject(Cut(lazy=True), times=1)
        with pytest.raises(httpx.TransportError):
            await client.submit("hash", blocks(), filename=name, idempotency_key=key)
        job = await client.submit("hash", blocks(), filename=name, idempotency_key=key)
        assert (await job.result(timeout=DEADLINE)).succeeded
    assert await named(wires, name) == {job.id}


# ---------------------------------------------------------------- from the server


@pytest.mark.parametrize("fault", [Reset, Cut])
async def test_a_download_that_breaks_again_and_again_is_whole_or_not_there(
    wires: Wires, content: bytes, tmp_path: Path, fault: type[Reset | Cut]
) -> None:
    job, target = await stored(wires, content), tmp_path / "a.png"
    async with wires.client() as client:
        wires.http.inject(fault(after=len(content) // 5), times=5)
        await client.download_job_file(job, "input/a.png", target)
        assert target.read_bytes() == content
        target.unlink()
        wires.http.inject(fault(after=len(content) // 5))
        wires.http.refuse_connections()
        with pytest.raises(httpx.TransportError):
            await client.download_job_file(job, "input/a.png", target)
    assert list(tmp_path.iterdir()) == []


async def test_a_download_that_breaks_goes_on_where_it_broke(wires: Wires, content: bytes, tmp_path: Path) -> None:
    """Nothing that has arrived is fetched again."""
    job = await stored(wires, content)
    before = wires.http.bytes_down
    async with wires.client() as client:
        wires.http.inject(Reset(after=len(content) // 5), times=5)
        await client.download_job_file(job, "input/a.png", tmp_path / "a.png")
    assert wires.http.bytes_down - before < 1.1 * len(content)


async def test_a_long_poll_that_breaks_anywhere_misses_no_end(wires: Wires) -> None:
    """Invariant 2, without a broker: the job is followed while it is queued, and each of three answers breaks."""
    ends = Ends()
    for after in range(0, 1800, 2 * STEP):
        async with connected(wires.yard) as direct, wires.client(broker=False) as client:
            worker = wires.yard.worker()
            worker.suspend()
            try:
                job = await direct.submit("hash", photo(), filename="a.png")
                before = wires.http.connections
                wires.http.inject(Reset(after=after), times=3)
                client.subscribe_job_updates(job.id, on_complete=ends)
                await wires.http.wait_connections(before + 1)
            finally:
                worker.resume()
            (record,) = await ends.of(job.id)
            assert record.succeeded, after
        wires.http.clear()
    assert ends.were_told_once()


# ---------------------------------------------------------------- from the broker


async def test_a_broker_connection_that_breaks_anywhere_loses_no_end_and_doubles_none(wires: Wires) -> None:
    """Invariant 2: from the first byte to the last before the terminal event, right after the SUBACK included."""
    ends = Ends()
    async with wires.client() as client:
        before = wires.mqtt.bytes_down
        await ends.of((await client.hash.compute(photo(), on_complete=ends)).job_id)
        whole = wires.mqtt.bytes_down - before
    assert whole > 10 * STEP

    async def cut(after: int) -> None:
        progress: list[int] = []
        async with (
            FaultProxy("127.0.0.1", wires.yard.mqtt_port) as proxy,
            connected(wires.yard, mqtt_port=proxy.port) as client,
        ):
            proxy.inject(Reset(after=after), times=1)
            job = await client.hash.compute(
                photo(), on_progress=lambda record: progress.append(record.seq or 0), on_complete=ends
            )
            (record,) = await ends.of(job.job_id)
        assert record.succeeded, after
        assert progress == sorted(set(progress)), after

    places = [0, CONNACK, CONNACK + SUBACK - 1, CONNACK + SUBACK, *range(50, whole, STEP), whole - 1]
    await asyncio.gather(*map(cut, places))
    assert ends.were_told_once()


async def test_a_broker_that_falls_silent_delays_an_end_only(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariants 2 and 7: nobody says that the connection is gone; the next look at the record finds the end."""
    monkeypatch.setattr("cl_client._watch.SWEEP", 0.2)
    ends = Ends()
    async with wires.client() as client:
        first = (await client.hash.compute(photo(), on_complete=ends)).job_id
        await ends.of(first)
        with wires.mqtt.inject(Blackhole()):
            second = (await client.hash.compute(photo(), on_complete=ends)).job_id
            await ends.of(second)
        third = (await client.hash.compute(photo(), on_complete=ends)).job_id  # what was held back comes first
        await ends.of(third)
    assert ends.were_told_once()


@pytest.mark.parametrize("fault", [Latency(0.02, jitter=0.02), Throttle(40_000), Slice(3, pause=0.0005)])
async def test_a_slow_network_only_takes_longer(wires: Wires, fault: Fault) -> None:
    ends = Ends()
    wires.http.inject(fault)
    wires.mqtt.inject(fault)
    async with wires.client() as client:
        jobs = [(await client.hash.compute(photo(), on_complete=ends)).job_id for _ in range(3)]
        assert all(record.succeeded for record in await ends.of(*jobs))
    assert ends.were_told_once()


async def test_a_network_that_breaks_again_and_again_loses_nothing(wires: Wires) -> None:
    """Invariants 1, 2 and 3: forty jobs at once while every connection dies young."""
    ends = Ends()
    wires.http.inject(Reset(after=3_000), times=40)
    wires.mqtt.inject(Reset(after=2_500), times=10)
    async with wires.client() as client:

        async def one(number: int) -> str:
            return (await client.hash.compute(photo(), filename=f"{number}.png", on_complete=ends)).job_id

        jobs = await asyncio.gather(*map(one, range(40)))
        assert all(record.succeeded for record in await ends.of(*jobs))
        assert len(set(jobs)) == 40
        assert set(jobs) == set(ends.records)
    assert ends.were_told_once()


async def stored(wires: Wires, content: bytes) -> str:
    """A job whose file is to be had as ``input/a.png``."""
    async with connected(wires.yard) as direct:
        job = await direct.submit("hash", content, filename="a.png")
        await job.result(timeout=DEADLINE)
        return job.id


async def named(wires: Wires, name: str) -> set[str]:
    """The ids of the jobs whose file has this name, as the server tells without a proxy."""
    async with connected(wires.yard) as direct:
        return {job.job_id async for job in direct.jobs(limit=200) if job.params["input_path"] == f"input/{name}"}
