"""Many clients, rude ones and slow ones, at the HTTP port and the broker of a running yard: others don't notice.

Invariants 4 and 5.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager

import aiomqtt
import httpx
import psutil
import pytest

from cl_client import SessionManager
from cl_client.server_config import ServerConfig
from runyard.services.compute.mqtt.access import YARD_NAME, broker_secret
from runyard.services.compute.mqtt.outbox import OUTBOX
from runyard.sizes import MIB
from runyard.testing.running import RunningYard

from .conftest import DEADLINE, Ends, connected, ended, good_jobs_beside, resident, submit
from .hostile import photo

HALF_OPEN = 300
"""Connections of each sort that begin to say something and don't go on."""

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01s"
"""A guest who keeps no time; the name is to be changed."""

V5 = aiomqtt.ProtocolVersion.V5
NOT_AUTHORIZED = 0x87


# ---------------------------------------------------------------- those who say half a sentence


@pytest.mark.parametrize(
    ("port", "sentence"),
    [
        pytest.param("mqtt", b"", id="mqtt-nothing"),
        pytest.param("mqtt", CONNECT[:7], id="mqtt-half-a-connect"),
        pytest.param("mqtt", b"\x10\xff\xff\xff", id="mqtt-half-a-length"),
        pytest.param("compute", b"", id="http-nothing"),
        pytest.param("compute", b"POST /jobs/hash HTTP/1.1\r\nHost: 127", id="http-half-a-header"),
        pytest.param(
            "compute",
            b"POST /jobs/hash HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nhalf a file',
            id="http-half-a-file",
        ),
    ],
)
async def test_hundreds_of_half_open_connections_stop_nobody(
    media_yard: RunningYard, http: httpx.AsyncClient, port: str, sentence: bytes
) -> None:
    """Invariant 5: they cost little memory and no turn of anybody's."""
    server = psutil.Process(media_yard.pid)
    before = resident(server)
    ends = Ends()
    with half_open(media_yard.mqtt_port if port == "mqtt" else int(media_yard.compute_url.rsplit(":", 1)[1]), sentence):
        async with asyncio.timeout(DEADLINE), good_jobs_beside(http), connected(media_yard) as client:
            jobs = [(await client.hash.compute(photo(), on_complete=ends)).job_id for _ in range(5)]
            assert all(record.succeeded for record in await ends.of(*jobs))
        assert resident(server) - before < 30 * MIB


async def test_clients_that_leave_in_the_middle_leave_no_job(media_yard: RunningYard, http: httpx.AsyncClient) -> None:
    """Invariant 1, the other way round: what was not acknowledged is not done."""
    port = int(media_yard.compute_url.rsplit(":", 1)[1])
    head = (
        b"POST /jobs/hash HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="left.png"\r\n\r\n'
    )
    with half_open(port, head + photo()):
        pass
    await ended(http, await submit(http, "hash", "after.png", photo()))
    jobs = (await http.get("/jobs", params={"limit": 500})).json()["jobs"]
    assert "input/left.png" not in {job["params"]["input_path"] for job in jobs}


# ---------------------------------------------------------------- those who want to know too much


FILTERS = [
    "#", "+", "+/+", "+/+/+/+/+", "$SYS/#", "runyard/#", "runyard/users/#", "runyard/users/+/+/+", "runyard/+/0/+/+",
    "inference/#", "inference/+", "$share/all/inference/events", "$share/all/runyard/users/0/+/+",
]  # fmt: skip


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, V5])
async def test_nobody_subscribes_to_what_is_anothers(media_yard: RunningYard, version: aiomqtt.ProtocolVersion) -> None:
    """Invariant 4: as a guest and as a user; a refused filter delivers nothing."""
    async with AsyncExitStack() as stack:
        eve, ada = [await stack.enter_async_context(signed_in(media_yard)) for _ in range(2)]
        eves, adas = [await number_of(client) for client in (eve, ada)]
        topics = [*FILTERS, f"runyard/users/{adas}/#", f"runyard/users/{adas}/+/+", f"runyard/users/{adas}/-/+"]
        for number, options in ((0, {}), (eves, {"username": "eve", "password": eve.get_token()})):
            spy = await stack.enter_async_context(guest(media_yard, protocol=version, **options))
            for topic in [*topics, "runyard/users/0/+/+"] if number else topics:
                (code,) = await spy.subscribe(topic, qos=1)
                assert (code if isinstance(code, int) else code.value) >= 0x80, (topic, options)
            await spy.subscribe(f"runyard/users/{number}/#", qos=1)
            async with ada.create_compute_client() as client:
                await client.hash.compute(photo(), wait=True, timeout=DEADLINE)
            async with eve.create_compute_client() if number else connected(media_yard) as client:
                own = await client.hash.compute(photo(), wait=True, timeout=DEADLINE)
            async with asyncio.timeout(DEADLINE):
                async for message in spy.messages:
                    assert str(message.topic).startswith(f"runyard/users/{number}/")
                    assert isinstance(message.payload, bytes)
                    record = json.loads(message.payload)
                    if (record["job_id"], record["status"]) == (own.job_id, "completed"):
                        break


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, V5])
async def test_what_clients_publish_reaches_nobody(
    media_yard: RunningYard, http: httpx.AsyncClient, version: aiomqtt.ProtocolVersion
) -> None:
    """Invariant 4: no made-up end of a job, no made-up worker, nothing kept, no last will."""
    async with guest(media_yard) as witness:
        for topic in ("inference/events", "inference/workers/+", "runyard/users/0/#"):
            await witness.subscribe(topic, qos=1)
        lie = json.dumps({"job_id": "made-up", "worker_id": "made-up", "id": "made-up", "event_type": "completed",
                          "capabilities": ["made_up"], "idle_count": 1, "timestamp": 4_000_000_000_000, "progress": 100})  # fmt: skip
        topics = ("inference/events", "inference/workers/made-up", "runyard/users/0/-/made-up", "anything")
        will = aiomqtt.Will("inference/events", lie, qos=1, retain=True)
        async with guest(media_yard, protocol=version, will=will) as liar:
            for topic in topics:
                for qos in (0, 1):
                    await liar.publish(topic, lie, qos=qos, retain=True)
            liar._client._sock_close()  # vanishes without a word: the last will is due
        job = await submit(http, "hash", "a.png", photo())
        async with asyncio.timeout(DEADLINE):
            async for message in witness.messages:
                assert isinstance(message.payload, bytes)
                assert b"made" not in message.payload
                said = json.loads(message.payload)
                if (said.get("job_id"), said.get("event_type")) == (job, "completed"):
                    break
    capabilities = (await http.get("/capabilities")).json()
    assert capabilities["num_workers"] == 1
    assert "made_up" not in capabilities["capabilities"]


# ---------------------------------------------------------------- those who don't listen


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_reader_that_does_not_read_costs_a_bounded_amount_of_memory(media_yard: RunningYard, qos: int) -> None:
    """Invariant 5: it is let go; those who read get every message, and the server doesn't grow."""
    server = psutil.Process(media_yard.pid)
    payload, count = b"x" * 100_000, 600
    secret = broker_secret(media_yard.data_dir)
    topic = "inference/events"
    with deaf(media_yard.mqtt_port, topic, qos) as ear:
        async with (
            asyncio.timeout(DEADLINE),
            guest(media_yard) as reader,
            guest(media_yard, username=YARD_NAME, password=secret) as teller,
        ):
            await reader.subscribe(topic, qos=1)

            async def read() -> int:
                heard = 0
                async for message in reader.messages:
                    heard += message.payload == payload
                    if heard == count:
                        break
                return heard

            reading = asyncio.create_task(read())
            before, peak = resident(server), 0
            for _ in range(count):
                await teller.publish(topic, payload, qos=1)
                peak = max(peak, resident(server))
            assert await reading == count
        assert len(payload) * count > 10 * OUTBOX
        assert peak - before < 6 * OUTBOX
        assert await asyncio.to_thread(rest_of, ear) < len(payload) * count / 2


# ---------------------------------------------------------------- helpers


@contextmanager
def half_open(port: int, sentence: bytes) -> Iterator[None]:
    """Connections that have said this much and no more."""
    opened: list[socket.socket] = []
    try:
        for _ in range(HALF_OPEN):
            opened.append(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE))
            opened[-1].sendall(sentence)
        yield
    finally:
        for one in opened:
            one.close()


@contextmanager
def deaf(port: int, topic: str, qos: int) -> Iterator[socket.socket]:
    """A guest who subscribes and then doesn't take what is sent."""
    with closing(socket.socket()) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ear.settimeout(DEADLINE)
        ear.connect(("127.0.0.1", port))
        ear.sendall(CONNECT)
        assert ear.recv(4) == b"\x20\x02\x00\x00"
        filter_ = len(topic).to_bytes(2, "big") + topic.encode() + bytes([qos])
        ear.sendall(bytes([0x82, 2 + len(filter_)]) + b"\x00\x01" + filter_)
        assert ear.recv(5) == bytes([0x90, 3, 0, 1, qos])
        yield ear


def rest_of(ear: socket.socket) -> int:
    """Bytes that come until the connection ends."""
    total = 0
    try:
        while piece := ear.recv(1 << 20):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total


@asynccontextmanager
async def guest(yard: RunningYard, **options: object) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", yard.mqtt_port, timeout=DEADLINE, **options) as client:  # type: ignore[arg-type]
        yield client


@asynccontextmanager
async def signed_in(yard: RunningYard) -> AsyncIterator[SessionManager]:
    account = await asyncio.to_thread(yard.account)
    config = ServerConfig(
        auth_url=yard.url, compute_url=yard.compute_url, mqtt_broker="127.0.0.1", mqtt_port=yard.mqtt_port
    )
    async with SessionManager(server_config=config) as session:
        await session.login(account.username, account.password)
        yield session


async def number_of(session: SessionManager) -> int:
    """The user's number, as topics have it."""
    user = await session.get_current_user()
    assert user is not None
    return user.id
