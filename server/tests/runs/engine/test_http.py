"""HTTP calls of runs: what they send and keep, and where they may not go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import httpcore
import msgspec
import pytest

from runyard.jobs import Asked, Job, Unservable, Worker
from runyard.sandbox import probe
from runyard.sandbox.hosts import Hosts
from runyard.services.runs.http import call as calls
from runyard.services.runs.http.guard import Forbidden, Guard
from runyard.yard import Yard

DEADLINE = 30.0


@dataclass
class Server:
    """Answers what a test tells it to, and remembers what it was asked."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def answer(self, path: str, status: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answers[path] = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        named = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(named.get("content-length", 0)))
        self.seen.append((head[0], named, body))
        path = head[0].split(" ")[1].partition("?")[0]
        if path in self.answers:
            writer.write(self.answers[path])
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()  # says nothing until the other side has had enough
            writer.close()


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


@pytest.fixture(scope="module")
async def caller(parts: Yard, server: Server) -> AsyncIterator[Yard]:
    """A worker that makes calls; the test's own server is named as a host that may be called."""
    settings = parts.settings.model_copy(
        update={"runs_http_hosts": f"127.0.0.1:{server.port} named.test:{server.port}", "drain_seconds": 0.05}
    )
    worker = Worker(
        [calls.registration(settings)], settings=settings, store=parts.jobs, tails=parts.tails,
        artifacts=parts.artifacts, signals=parts.signals, sandbox=probe("none"),
    )  # fmt: skip
    ready = asyncio.Event()
    running = asyncio.create_task(worker.run(ready=ready.set))
    await asyncio.wait_for(ready.wait(), DEADLINE)
    yield parts
    await worker.drain()
    await asyncio.wait_for(running, DEADLINE)


async def make(yard: Yard, **given: object) -> Job:
    """Make a call, and wait for its end."""
    value = msgspec.convert(given, calls.Call)
    asked = Asked(input=value, owner=uuid4(), tenant="project:ws-test", key="run-1/a")
    job = await yard.jobs.submit(await calls.offer().request(asked))
    async with asyncio.timeout(DEADLINE):
        async for event in yard.tails.follow(job.id, 0, idle=5.0):
            if event is not None and event.ends_job:
                break
    return await yard.jobs.get(job.id)


async def test_a_call_sends_what_it_should_and_keeps_what_comes_back(caller: Yard, server: Server) -> None:
    server.answer("/invoices", "201 Created", b'{"id": "inv-1"}', Content_Type="application/json", X_Number="7")
    job = await make(
        caller, url=server.url("/invoices?a=1"), method="POST", json={"amount": 5}, headers={"X-Mine": "1"}
    )
    assert job.error is None
    assert {**job.result, "headers": None} == {
        "status": 201, "headers": None, "body": {"id": "inv-1"}, "url": server.url("/invoices?a=1"), "truncated": False,
    }  # fmt: skip
    assert job.result["headers"]["x-number"] == "7"
    line, headers, body = server.seen[-1]
    assert (line, json.loads(body)) == ("POST /invoices?a=1 HTTP/1.1", {"amount": 5})
    assert headers["content-type"] == "application/json"
    assert (headers["idempotency-key"], headers["x-mine"]) == ("run-1/a", "1")
    kept = await caller.artifacts.find(job.id, calls.BODY)
    assert (kept.size, kept.content_type) == (15, "application/json")


async def test_a_status_that_was_not_expected_fails(caller: Yard, server: Server) -> None:
    server.answer("/gone", "404 Not Found", b"no")
    job = await make(caller, url=server.url("/gone"))
    assert (job.error_code, job.result["body"]) == ("unexpected_status", "no")
    assert (await make(caller, url=server.url("/gone"), expect=[404])).error is None


async def test_a_long_answer_is_cut_in_the_output_and_whole_in_the_file(caller: Yard, server: Server) -> None:
    server.answer("/long", "200 OK", b"x" * (calls.SHOWN + 1))
    job = await make(caller, url=server.url("/long"))
    assert (len(job.result["body"]), job.result["truncated"]) == (calls.SHOWN, True)
    assert (await caller.artifacts.find(job.id, calls.BODY)).size == calls.SHOWN + 1


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(caller: Yard, server: Server) -> None:
    """Invariant 7."""
    job = await make(caller, url=server.url("/silent"), timeout_seconds=0.05)
    assert job.error_code == "timeout"


async def test_redirects_are_followed_without_secrets_for_strangers(caller: Yard, server: Server, monkeypatch) -> None:
    _named(monkeypatch, "named.test", "127.0.0.1")
    server.answer("/a", "302 Found", Location=server.url("/b", host="named.test"))
    server.answer("/b", "200 OK", b"there")
    job = await make(
        caller,
        url=server.url("/a"),
        method="POST",
        body="secret",
        headers={"Authorization": "Bearer x", "X-Api-Key": "y", "Accept": "text/plain"},
    )
    assert (job.result["body"], job.result["url"]) == ("there", server.url("/b", host="named.test"))
    line, headers, body = server.seen[-1]
    assert (line, body, headers["accept"]) == ("GET /b HTTP/1.1", b"", "text/plain")
    assert not {"authorization", "x-api-key"} & headers.keys()


async def test_redirects_without_end_are_an_error(caller: Yard, server: Server) -> None:
    server.answer("/round", "307 Temporary Redirect", Location="/round")
    assert (await make(caller, url=server.url("/round"))).error_code == "too_many_redirects"


async def test_a_redirect_may_lead_to_letters_of_any_kind(caller: Yard, server: Server) -> None:
    server.answer("/far", "302 Found", Location="/caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    server.answer("/caf%C3%A9", "200 OK", b"open")
    assert (await make(caller, url=server.url("/far"))).result["body"] == "open"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd", "http://user@127.0.0.1/", "gopher://x/", "http://[::1/", "http://x:99999/",
        "http://x:port/", "http://\N{LATIN SMALL LETTER E WITH ACUTE}.test/",
    ],
)  # fmt: skip
async def test_a_redirect_to_what_is_no_address_is_an_error(caller: Yard, server: Server, location: str) -> None:
    server.answer("/odd", "302 Found", Location=location)
    assert (await make(caller, url=server.url("/odd"))).error_code == "bad_redirect"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
        "http://[::ffff:127.0.0.1]:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0.0.0.0:1/",
        "http://2130706433/",
        "http://0x7f.1/",
    ],
)
async def test_nothing_of_the_internal_network_is_called(caller: Yard, url: str) -> None:
    """Invariant 4."""
    job = await make(caller, url=url)
    assert job.error_code == "forbidden_address"
    assert "RUNYARD_RUNS_HTTP_HOSTS" in job.error["message"]


async def test_a_redirect_does_not_lead_there_either(caller: Yard, server: Server) -> None:
    server.answer("/in", "302 Found", Location="http://169.254.169.254/")
    assert (await make(caller, url=server.url("/in"))).error_code == "forbidden_address"


async def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch) -> None:
    """What was checked is what is connected to."""
    asked = _named(monkeypatch, "rebinds.test", "93.184.216.34", "127.0.0.1")
    connected = []

    async def connect(_self, host: str, port: int, **_: object) -> object:
        connected.append(host)
        raise httpcore.ConnectError("not in a test")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectError, match="not in a test"):
        await Guard(Hosts()).connect_tcp("rebinds.test", 80)
    assert (len(asked), connected) == (1, ["93.184.216.34"])


async def test_a_name_that_leads_anywhere_internal_is_refused_as_a_whole(monkeypatch) -> None:
    loop = asyncio.get_running_loop()

    async def both(host: str, port: int, **_: object) -> list[object]:
        return [(0, 0, 0, "", ("93.184.216.34", port)), (0, 0, 0, "", ("10.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", both)
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1, an internal address"):
        await Guard(Hosts()).connect_tcp("both.test", 80)


async def test_sockets_of_this_machine_are_refused() -> None:
    with pytest.raises(Forbidden):
        await Guard(Hosts()).connect_unix_socket("/run/docker.sock")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"json": 1, "body": "x"}, "both given"),
        ({"url": "https://example.com:99999/"}, "no address"),
        ({"url": "https://example.com:0/"}, "no address"),
        ({"headers": {"Host": "x"}}, "the yard's own business"),
        ({"headers": {"content-length": "1"}}, "the yard's own business"),
    ],
)
async def test_what_can_not_be_sent_is_refused(given: dict[str, object], text: str) -> None:
    value = msgspec.convert({"url": "https://example.com/", **given}, calls.Call)
    with pytest.raises(Unservable, match=text):
        await calls.offer().request(Asked(input=value, owner=uuid4(), tenant="t", key="k"))


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ftp://example.com"},
        {"url": "http://user:pw@example.com/"},
        {"url": "http://a/\r\nX: y"},
        {"url": "http://a/#x"},
        {"url": "http:///x"},
        {"url": "http://a:port/"},
        {"url": "http://[zz]/"},
        {"url": "http://a/\N{LATIN SMALL LETTER E WITH ACUTE}"},
        {"url": "http://a/\n"},
        {"url": "https://a", "headers": {"X": "a\n"}},
        {"url": "https://a", "headers": {"X": "a\r\nY: b"}},
        {"url": "https://a", "headers": {"X Y": "a"}},
        {"url": "https://a", "method": "CONNECT"},
        {"url": "https://a", "timeout_seconds": 0},
    ],
)
def test_what_is_no_call_is_refused_when_the_workflow_is_saved(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, calls.Call)


def _named(monkeypatch, name: str, *addresses: str) -> list[str]:
    """A name that leads to these addresses, one after the other."""
    loop = asyncio.get_running_loop()
    real, asked = loop.getaddrinfo, []

    async def look_up(host: str, port: int, **more: object) -> list[object]:
        if host != name:
            return await real(host, port, **more)
        asked.append(host)
        return [(0, 0, 0, "", (addresses[min(len(asked), len(addresses)) - 1], port))]

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    return asked
