"""Brokers for tests: ours in this process and a real mosquitto, clients of both versions, and jobs to be told of."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import aiomqtt
import msgspec
import pytest

from runyard.jobs import Job, NewJob, State
from runyard.services.compute.mqtt.broker import EmbeddedBroker
from runyard.services.compute.mqtt.broker_url import BrokerUrl
from runyard.services.compute.mqtt.connection import Connection, Incoming
from runyard.testing.running import fresh_yard, wait_until
from runyard.yard import Yard

DEADLINE = 20.0
SECRET = "the secret of the broker"

V311, V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5


@pytest.fixture(scope="session")
async def mqtt_yard(yard_database: str) -> AsyncIterator[Yard]:
    """A yard of our own: bridges tell of all media jobs of a yard."""
    async with fresh_yard(yard_database) as opened:
        yield opened


@dataclass
class Policy:
    """What tests change of who may do what."""

    guests: bool = True


@dataclass
class Served:
    """The embedded broker on a free port."""

    broker: EmbeddedBroker
    port: int
    policy: Policy

    @property
    def url(self) -> BrokerUrl:
        return BrokerUrl(host="127.0.0.1", port=self.port, username="worker", password=SECRET)


@asynccontextmanager
async def serving(yard: Yard, *, port: int = 0, **options: object) -> AsyncIterator[Served]:
    policy = Policy()
    broker = EmbeddedBroker(
        **{
            "secret": SECRET,
            "authenticate": yard.identity.authenticate,
            "clock": yard.clock,
            "guests": lambda: policy.guests,
            "shared_events": "all",
            **options,
        }  # type: ignore[arg-type]
    )
    async with broker.listen("127.0.0.1", port) as found:
        yield Served(broker, found, policy)


@pytest.fixture
async def served(mqtt_yard: Yard) -> AsyncIterator[Served]:
    async with serving(mqtt_yard) as served:
        yield served


class Mosquitto:
    """The real thing, open to all, on a port it keeps when it is started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self._folder = folder
        self._lines = lines
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> BrokerUrl:
        return BrokerUrl(host="127.0.0.1", port=self.port)

    async def start(self) -> None:
        conf = self._folder / "mosquitto.conf"
        common = ("allow_anonymous true", "persistence false", "user root")
        conf.write_text("\n".join((f"listener {self.port} 127.0.0.1", *self._lines, *common)))
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await asyncio.to_thread(wait_until, self._answers, "mosquitto to answer", seconds=DEADLINE)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or ""


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    if not MOSQUITTO:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    broker.stop()


@pytest.fixture(params=["embedded", "mosquitto"])
async def url(request: pytest.FixtureRequest, mqtt_yard: Yard, tmp_path: Path) -> AsyncIterator[BrokerUrl]:
    """Where the yard's processes connect, once per kind of broker."""
    if request.param == "embedded":
        async with serving(mqtt_yard) as served:
            yield served.url
    elif not MOSQUITTO:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    else:
        broker = Mosquitto(tmp_path)
        await broker.start()
        yield broker.url
        broker.stop()


class Subscriber:
    """A client of a user, with what it has been sent."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self._messages = aiter(client.messages)

    async def subscribe(self, filter_: str, qos: int = 1) -> int:
        (code,) = await self.client.subscribe(filter_, qos=qos)
        return code if isinstance(code, int) else code.value

    async def next(self) -> aiomqtt.Message:
        async with asyncio.timeout(DEADLINE):
            return await anext(self._messages)

    async def nothing_but(self, connection: Connection, topic: str) -> None:
        """See that the next thing to come is what is published now, after everything else."""
        assert await connection.publish(topic, b"the end")
        assert (await self.next()).payload == b"the end"


@asynccontextmanager
async def subscriber(
    url: BrokerUrl, *filters: str, version: aiomqtt.ProtocolVersion = V311, qos: int = 1, **options: object
) -> AsyncIterator[Subscriber]:
    """A client without a credential, or with the ``username`` and ``password`` given."""
    async with aiomqtt.Client(url.host, url.port, protocol=version, timeout=DEADLINE, **options) as client:  # type: ignore[arg-type]
        found = Subscriber(client)
        for filter_ in filters:
            assert await found.subscribe(filter_, qos) < 0x80
        yield found


@asynccontextmanager
async def connected(url: BrokerUrl, **options: object) -> AsyncIterator[Connection]:
    """A connection of the yard that stands."""
    heard: list[Incoming] = []
    options = {"name": f"test-{uuid4().hex[:8]}", "heard": heard.append, **options}
    async with Connection(url, **options).open() as connection:  # type: ignore[arg-type]
        async with asyncio.timeout(DEADLINE):
            await connection.connected.wait()
        yield connection


@dataclass
class Jobs:
    """Media jobs of one user, taken through their states as a worker does."""

    yard: Yard
    user: int
    channel: str
    kind: str = "compute.hash"

    @property
    def topics(self) -> str:
        return f"runyard/users/{self.user}/{self.channel}/+"

    async def submit(self, **params: object) -> Job:
        stored = {"params": {"input_path": "input/a.txt", "output_path": "output/hash.json"}, "user": self.user}
        return await self.yard.jobs.submit(
            NewJob(
                kind=self.kind,
                owner=uuid4(),
                tenant=f"user:{UUID(int=self.user)}",
                params={**stored, "channel": self.channel, **params},
            )  # fmt: skip
        )

    async def start(self, job: Job) -> Job:
        entry = await self.yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", job.id)
        claimed = await self.yard.jobs.claim(job.id, entry)  # type: ignore[arg-type]
        assert claimed is not None
        return claimed

    async def progress(self, job: Job, batch: int, percent: int) -> None:
        body = msgspec.json.encode({"percent": percent})
        await self.yard.jobs.append(
            job.id, job.attempt, batch, [(self.yard.clock(), "progress", body)], progress=percent
        )

    async def finish(self, job: Job, **result: object) -> None:
        await self.yard.jobs.finish(job, State.SUCCEEDED, result=result)

    async def fail(self, job: Job) -> None:
        await self.yard.jobs.finish(job, State.FAILED, error={"code": "bad_media", "message": "Not an image."})

    async def all_of_it(self) -> Job:
        job = await self.start(await self.submit())
        await self.finish(job, media_type="image")
        return job


@pytest.fixture
def jobs(mqtt_yard: Yard) -> Jobs:
    return Jobs(mqtt_yard, user=0, channel=f"test-{uuid4().hex[:12]}")


def decoded(message: aiomqtt.Message) -> Mapping[str, object]:
    assert isinstance(message.payload, bytes)
    found: Mapping[str, object] = msgspec.json.decode(message.payload)
    return found


def without_secret(url: BrokerUrl) -> BrokerUrl:
    return replace(url, username=None, password=None)
