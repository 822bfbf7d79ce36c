"""The server's side, in this process: a compute service of either kind behind `httpx`, and an MQTT broker on a real socket."""

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

import httpx
import paho.mqtt.client as paho
import pytest

from cl_client import ComputeClient, JWTAuthProvider, RetryPolicy

DEADLINE = 10
ENDED = ("completed", "failed", "error")
QUICK = RetryPolicy(first_delay=0.0, longest_delay=0.0)


def make_token(user_id="7", *, expires_in=1800, **claims):
    """A JWT as the auth service makes them, but for its signature."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    payload = {"id": user_id, "permissions": [], "is_admin": False, "exp": int(time.time()) + expires_in, **claims}
    return f"{part({'alg': 'ES256', 'typ': 'JWT'})}.{part(payload)}.c2lnbmF0dXJl"


@dataclass
class FakeYard:
    """A compute service. `original` speaks the original interface only: no channels, no held answers, no numbers."""

    original: bool = False
    user: str = "0"
    token: str | None = None  # what it takes; None takes everybody
    jobs: dict = field(default_factory=dict)
    channels: dict = field(default_factory=dict)
    by_key: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    on_submit: list = field(default_factory=list)
    workers: dict = field(default_factory=dict)
    mqtt: object = None  # a Publisher, while there is a broker

    def __post_init__(self):
        self.changed = asyncio.Event()

    @property
    def transport(self):
        return httpx.MockTransport(self.handle)

    def fault(self, pattern, outcome, times=1):
        """Answer the next requests that match `METHOD path` with an answer, or raise an error."""
        self.faults += [(pattern, outcome)] * times

    def seen(self, pattern):
        return [one for one in self.requests if re.fullmatch(pattern, f"{one.method} {one.url.path}")]

    async def handle(self, request):
        body = await request.aread()
        self.requests.append(request)
        self.bodies.append(body)
        line = f"{request.method} {request.url.path}"
        for fault in self.faults:
            if re.fullmatch(fault[0], line):
                self.faults.remove(fault)
                if isinstance(fault[1], Exception):
                    raise fault[1]
                return fault[1]
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return refused(401, "Could not validate credentials")
        return await self.route(request, body)

    async def route(self, request, body):
        match request.method, request.url.path.strip("/").split("/"):
            case "POST", ["jobs", job_id, "cancel"]:
                if self.jobs[job_id]["status"] in ENDED:
                    return refused(409, "The job has ended", code="job_ended")
                await self.change(job_id, status="failed", error_message="Cancelled", reason="cancelled")
                return httpx.Response(202, json=self.jobs[job_id])
            case "POST", ["jobs", job_id, "retry"]:
                return self.submitted(self.add(self.jobs[job_id]["task_type"]))
            case "POST", ["jobs", task_type]:
                return await self.submit(request, task_type, body)
            case "GET", ["jobs"]:
                return self.list(request)
            case method, ["jobs", job_id, *rest]:
                job = self.jobs.get(job_id)
                if job is None:
                    return refused(404, f"Job {job_id} not found")
                if method == "DELETE":
                    del self.jobs[job_id]
                    return httpx.Response(204)
                return await self.record(request, job) if not rest else self.file(request, job_id, rest[1:])
            case "GET", ["capabilities"]:
                return httpx.Response(200, json={"num_workers": len(self.workers), "capabilities": self.workers})
        return refused(404, "Not Found")

    async def submit(self, request, task_type, body):
        key = request.headers.get("Idempotency-Key")
        job_id = self.by_key.get(key) or self.add(task_type)
        self.by_key[key] = job_id
        channel = request.headers.get("Runyard-Channel")
        headers = {}
        if channel and not self.original:
            self.channels[job_id] = headers["Runyard-Channel"] = channel
        await self.publish(job_id)
        for step in self.on_submit:
            await step(job_id)
        return self.submitted(job_id, headers)

    def submitted(self, job_id, headers=None):
        job = self.jobs[job_id]
        body = {"job_id": job_id, "status": "queued", "task_type": job["task_type"]}
        return httpx.Response(200, json=body, headers=headers)

    def add(self, task_type="hash", **fields):
        job_id = str(uuid.uuid4())
        job = {
            "job_id": job_id,
            "task_type": task_type,
            "status": "queued",
            "progress": 0,
            "params": {"input_path": "input/a.jpg", "output_path": f"output/{task_type}.json"},
            "task_output": None,
            "error_message": None,
            "priority": 5,
            "created_at": 1_700_000_000_000,
        }
        if not self.original:
            job |= {"reason": None, "seq": 1, "attempt": 0, "waiting_for": None}
        self.jobs[job_id] = job | fields
        return job_id

    async def record(self, request, job):
        query = parse_qs(request.url.query.decode())
        if not self.original and "wait" in query:
            after = int(query["after"][0]) if "after" in query else None
            deadline = asyncio.get_running_loop().time() + float(query["wait"][0])
            while job["status"] not in ENDED and (after is None or job["seq"] <= after):
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                self.changed.clear()
                await asyncio.wait({asyncio.ensure_future(self.changed.wait())}, timeout=left)
        return httpx.Response(200, json=job)

    def list(self, request):
        query = request.url.params
        wanted = query.get_list("status")
        found = [job for job in reversed(self.jobs.values()) if not wanted or job["status"] in wanted]
        start, size = int(query.get("cursor", 0)), int(query["limit"])
        following = str(start + size) if start + size < len(found) else None
        return httpx.Response(200, json={"jobs": found[start : start + size], "next_cursor": following})

    def file(self, request, job_id, rest):
        held = self.files.get(job_id, {})
        if not rest:
            return httpx.Response(
                200,
                json=[
                    {
                        "path": path,
                        "size": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "content_type": "application/octet-stream",
                    }
                    for path, content in held.items()
                ],
            )
        path = unquote("/".join(rest))
        if path not in held:
            return refused(404, f"File not found: {path}")
        return self.content(request, held[path])

    def content(self, request, content):
        digest = hashlib.sha256(content).digest()
        headers = {} if self.original else {"ETag": f'"{digest.hex()}"'}
        if not self.original:
            headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"
        start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if start is None:
            return httpx.Response(200, content=content, headers=headers)
        headers["Content-Range"] = f"bytes {start[1]}-{len(content) - 1}/{len(content)}"
        return httpx.Response(206, content=content[int(start[1]) :], headers=headers)

    async def change(self, job_id, *, tell=True, **fields):
        """The job changes; whoever asked or listens is told."""
        job = self.jobs[job_id]
        job |= fields
        if not self.original:
            job["seq"] += 1
        self.changed.set()
        if tell:
            await self.publish(job_id)

    async def finish(self, job_id, *, tell=True, **fields):
        output = {"media_type": "image", "phash": "ff00"}
        await self.change(job_id, tell=tell, **{"status": "completed", "progress": 100, "task_output": output} | fields)

    async def publish(self, job_id):
        if self.mqtt is None:
            return
        job = self.jobs[job_id]
        if not self.original:
            topic = f"runyard/users/{self.user}/{self.channels.get(job_id, '-')}/{job_id}"
            await self.mqtt.publish(topic, job)
        event = {"job_id": job_id, "event_type": job["status"], "timestamp": 1, "progress": job["progress"]}
        await self.mqtt.publish("inference/events", event)


def refused(status, detail, code=None):
    body = {"detail": detail} if code is None else {"detail": detail, "code": code}
    return httpx.Response(status, json=body, headers={"X-Request-Id": "req-1"})


class Told(list):
    """A callback that keeps what it was told, and can be waited for."""

    def __init__(self):
        super().__init__()
        self.changed = asyncio.Event()

    def __call__(self, what):
        self.append(what)
        self.changed.set()

    async def until(self, count=1):
        async def wait():
            while len(self) < count:
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(wait(), DEADLINE)
        return self


class RealBroker:
    """As much of an MQTT 3.1.1 broker as the client needs, on a real socket; it can go away and come back.

    It keeps what it was told at each CONNECT, and refuses the subscriptions in `refused`.
    """

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.server = None
        self.subscriptions = {}
        self.retained = {}
        self.refused = set()
        self.connects = []
        self.heard = asyncio.Condition()

    async def subscribed(self, topic):
        """Somebody listens to the topic, on a connection of now."""
        async with self.heard:
            heard = self.heard.wait_for(lambda: any(topic in topics for topics in self.subscriptions.values()))
            await asyncio.wait_for(heard, DEADLINE)

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)

    async def stop(self):
        server, self.server = self.server, None
        if server is not None:
            server.close()
            for writer, topics in list(self.subscriptions.items()):
                topics.clear()
                writer.close()
            await server.wait_closed()

    async def serve(self, reader, writer):
        self.subscriptions[writer] = []
        try:
            while True:
                kind, flags, body = await read_packet(reader)
                if kind == 14:
                    break
                self.answer(writer, kind, flags, body)
                await writer.drain()
                async with self.heard:
                    self.heard.notify_all()
        except (EOFError, OSError):
            pass
        finally:
            del self.subscriptions[writer]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def answer(self, writer, kind, flags, body):
        match kind:
            case 1:
                self.connects.append(body)
                writer.write(packet(2, 0, b"\0\0"))
            case 3:
                self.publish(writer, flags, body)
            case 8:
                topics = list(texts(body[2:], extra=1))
                codes = bytes(128 if topic in self.refused else 1 for topic in topics)
                writer.write(packet(9, 0, body[:2] + codes))
                self.subscriptions[writer] += [topic for topic in topics if topic not in self.refused]
                for topic, payload in self.retained.items():
                    if any(matches(wanted, topic) for wanted in topics):
                        writer.write(packet(3, 1, text(topic) + payload))
            case 10:
                gone = set(texts(body[2:], extra=0))
                self.subscriptions[writer] = [one for one in self.subscriptions[writer] if one not in gone]
                writer.write(packet(11, 0, body[:2]))
            case 12:
                writer.write(packet(13, 0, b""))

    def publish(self, writer, flags, body):
        size = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        if flags & 6:
            writer.write(packet(4, 0, rest[:2]))
            rest = rest[2:]
        if flags & 1:
            self.retained[topic] = rest
        for subscriber, wanted in self.subscriptions.items():
            if any(matches(one, topic) for one in wanted):
                subscriber.write(packet(3, 0, text(topic) + rest))


async def read_packet(reader):
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return first >> 4, first & 15, await reader.readexactly(size)


def packet(kind, flags, body):
    size, length = b"", len(body)
    while True:
        length, low = divmod(length, 128)
        size += bytes([low | (128 if length else 0)])
        if not length:
            return bytes([kind << 4 | flags]) + size + body


def text(value):
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def texts(body, *, extra):
    while body:
        size = int.from_bytes(body[:2], "big")
        yield body[2 : 2 + size].decode()
        body = body[2 + size + extra :]


def matches(wanted, topic):
    return re.fullmatch(re.escape(wanted).replace("\\+", "[^/]+"), topic) is not None


class Publisher:
    """The yard's own connection to the broker; what it publishes waits until the broker is there."""

    def __init__(self, port):
        self.connected = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda *_: self.connected.set()
        self.client.on_disconnect = lambda *_: self.connected.clear()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def publish(self, topic, body, *, retain=False):
        await asyncio.to_thread(self.send, topic, json.dumps(body), retain)

    def send(self, topic, payload, retain):
        assert self.connected.wait(DEADLINE)
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
async def broker():
    broker = RealBroker()
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def yard():
    return FakeYard()


@pytest.fixture
async def publisher(broker):
    publisher = await asyncio.to_thread(Publisher, broker.port)
    yield publisher
    await asyncio.to_thread(publisher.close)


@pytest.fixture
async def told_yard(yard, publisher):
    """A yard that tells a broker what happens."""
    yard.mqtt = publisher
    return yard


@pytest.fixture
async def connect():
    """Clients of a yard, closed at the end."""
    clients = []

    def connect(yard, *, port=None, token=None, **options):
        client = ComputeClient(
            "http://yard",
            mqtt_broker="127.0.0.1" if port else "",
            mqtt_port=port or 1,
            auth_provider=JWTAuthProvider(token=token) if token else None,
            transport=yard.transport,
            retry=QUICK,
            **options,
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.close()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff a picture")
    return path


@pytest.fixture
def told():
    """Makes callbacks that can be waited for."""
    return Told


@pytest.fixture
def token_of():
    """Makes tokens."""
    return make_token
