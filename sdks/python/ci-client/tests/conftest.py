"""A small CI server on a real socket that speaks the contract of docs/reference/ci-http.md, faults included."""

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

KEY = "ci_" + "k" * 40
ORIGINAL = {"job_id", "log", "complete"}


@dataclass
class StoredJob:
    """A job of the server's: its events, and what it would tell about itself."""

    job_id: str
    status: str = "completed"
    success: bool | None = True
    start_time: str | None = "2025-10-13T10:30:00Z"
    end_time: str | None = "2025-10-13T10:30:15Z"
    events: list = field(default_factory=list)
    details: dict = field(default_factory=dict)
    tests: list | None = None
    artifacts: dict = field(default_factory=dict)
    more: threading.Condition = field(default_factory=threading.Condition)

    def add(self, *events):
        with self.more:
            self.events += events
            self.more.notify_all()

    @property
    def over(self):
        return bool(self.events) and self.events[-1]["type"] == "complete"

    def summary(self):
        return {name: getattr(self, name) for name in ("job_id", "status", "success", "start_time", "end_time")}


@dataclass
class Fault:
    """What happens to the next requests whose path matches."""

    path: str
    times: int = 1
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: dict = field(default_factory=dict)
    cut_after: int | None = None  # bytes of the answer's body
    reset: bool = False
    clean: bool = False  # end the chunked body properly rather than break it


class CIServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.jobs = {}
        self.packages = {}
        self.submissions = []
        self.by_key = {}
        self.requests = []
        self.faults = []
        self.key_warning = None
        self.closing = threading.Event()
        self.page = 500
        self.next_job = None

    def add_job(self, job_id=None, **fields):
        job = StoredJob(job_id or str(uuid.uuid4()), **fields)
        self.jobs[job.job_id] = job
        return job

    def fault(self, path, **fields):
        self.faults.append(Fault(path, **fields))

    def seen(self, method, path):
        return [request for request in self.requests if request.method == method and re.fullmatch(path, request.path)]

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.closing.set()
        for job in self.jobs.values():
            with job.more:
                job.more.notify_all()
        self.shutdown()
        self.server_close()


@dataclass
class Seen:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes = b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def answer(self, method):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.query = parse_qs(parts.query)
        self.fault = None
        self.server.requests.append(Seen(method, parts.path, self.query, dict(self.headers.items()), body))
        for fault in self.server.faults:
            if fault.times and re.fullmatch(fault.path, parts.path):
                fault.times -= 1
                self.fault = fault
                break
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.route(method, parts.path, body)

    def route(self, method, path, body):
        if self.fault and self.fault.reset:
            self.reset()
            return
        if self.fault and self.fault.status:
            self.send(self.fault.status, self.fault.body, self.fault.headers)
            return
        if path == "/health":
            self.send(200, {"status": "ok"})
            return
        key = self.headers.get("Authorization", "")
        if not key.startswith("Bearer "):
            self.send(401, {"detail": "Not authenticated"})
        elif key != f"Bearer {KEY}":
            self.send(401, {"detail": "Invalid or revoked API key"})
        elif match := re.fullmatch(r"/jobs/([^/]+)(/.*)?", path):
            job = self.server.jobs.get(match[1])
            if job is None:
                self.send(404, {"detail": "Job not found", "code": "job_not_found"}, {"X-Request-ID": "req-7"})
            else:
                self.job(method, job, match[2] or "", body)
        elif path == "/jobs":
            self.list_jobs()
        elif path in {"/submit-async", "/submit-stream"}:
            self.submit(path, body)
        elif path == "/me":
            self.send(
                200,
                {
                    "user": {"id": "u1", "name": "Ada", "email": "ada@example.com"},
                    "key": {
                        "id": "k1",
                        "name": "laptop",
                        "created_at": "2025-01-01T00:00:00Z",
                        "last_used_at": None,
                        "expires_at": "2026-01-01T00:00:00Z",
                        "age_days": 300,
                    },
                    "warning": self.server.key_warning,
                },
            )
        else:
            self.send(404, {"detail": "Not Found"})

    def job(self, method, job, rest, body):
        if rest == "":
            self.send(200, job.summary())
        elif rest == "/details":
            self.send(200, {**job.summary(), "created_at": None, "options": {}, "tests": None, **job.details})
        elif rest == "/stream":
            self.stream(job)
        elif rest == "/cancel":
            if job.over:
                self.send(409, {"detail": "The job has ended", "code": "job_ended"})
                return
            job.status, job.success = "cancelled", False
            job.add({"type": "complete", "success": False, "status": "cancelled"})
            self.send(202, job.summary())
        elif rest == "/rerun":
            key = self.headers["Idempotency-Key"]
            if key not in self.server.by_key:
                self.server.by_key[key] = self.server.add_job(status="queued", success=None)
            again = self.server.by_key[key]
            again.rerun_of, again.only_failed = job.job_id, json.loads(body)["failed"]
            self.send(200, {"job_id": again.job_id})
        elif rest == "/tests":
            if job.tests is None:
                self.send(404, {"detail": "This job has no test results", "code": "no_results"})
                return
            cases = job.tests
            if self.query.get("failed") == ["true"]:
                cases = [case for case in cases if case["outcome"] in {"failed", "error"}]
            if slowest := self.query.get("slowest"):
                cases = sorted(cases, key=lambda case: -case["duration"])[: int(slowest[0])]
            self.send(200, cases)
        elif rest == "/artifacts":
            self.send(
                200,
                [
                    {
                        "name": name,
                        "size": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "content_type": "text/plain",
                    }
                    for name, content in job.artifacts.items()
                ],
            )
        else:
            self.artifact(job.artifacts[unquote(rest.removeprefix("/artifacts/"))])

    def artifact(self, content):
        sha = hashlib.sha256(content)
        headers = {
            "ETag": f'"{sha.hexdigest()}"',
            "Repr-Digest": f"sha-256=:{b64encode(sha.digest()).decode()}:",
        }
        status, start = 200, 0
        if (wanted := self.headers.get("Range")) and self.headers.get("If-Range") == headers["ETag"]:
            status, start = 206, int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.fault and self.fault.headers.get("corrupt"):
            content = content[:-1] + b"?"
        rest = content[start:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.write_body(rest)

    def list_jobs(self):
        jobs = list(self.server.jobs.values())
        if statuses := self.query.get("status"):
            wanted = ",".join(statuses).split(",")
            jobs = [job for job in jobs if job.status in wanted]
        start = int(self.query.get("cursor", ["0"])[0])
        limit = min(int(self.query.get("limit", [str(len(jobs) or 1)])[0]), self.server.page)
        headers = {}
        if start + limit < len(jobs):
            query = "".join(f"&{name}={value}" for name, (value, *_) in self.query.items() if name != "cursor")
            headers["Link"] = f'</jobs?cursor={start + limit}{query}>; rel="next"'
        self.send(200, [job.summary() for job in jobs[start : start + limit]], headers)

    def submit(self, path, body):
        message = BytesParser(policy=HTTP).parsebytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body
        )
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.iter_parts()
        }
        key = self.headers.get("Idempotency-Key")
        file, digest = fields.get("file"), fields.get("digest", b"").decode()
        if file is None and digest not in self.server.packages:
            self.send(412, {"detail": "Send the file", "code": "package_unknown"})
            return
        if file is not None:
            found = "sha256:" + hashlib.sha256(file).hexdigest()
            assert digest in {"", found}
            self.server.packages[found] = file
        if key is not None and key in self.server.by_key:
            job = self.server.by_key[key]
        else:
            job, self.server.next_job = self.server.next_job or self.server.add_job(), None
            self.server.by_key[key] = job
            self.server.submissions.append((job, fields))
        if path == "/submit-async":
            self.send(200, {"job_id": job.job_id})
        else:
            self.stream(job, submitted=True)

    def stream(self, job, *, submitted=False):
        everything = self.query.get("events") == ["all"]
        after = self.headers.get("Last-Event-ID")
        beginning = submitted or self.query.get("from_beginning", [""])[0].lower() == "true"
        position = int(after) if after else 0 if beginning else len(job.events)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.left = self.fault.cut_after if self.fault else None
        if submitted and not after:
            self.event(None, {"type": "job_id", "job_id": job.job_id})
        elif position == len(job.events) and job.over and not after:
            self.event(None, {"type": "log", "data": "This job has already completed.\n"})
            position -= 1
        elif not after and not beginning:
            self.chunk(f"id: {position}\n\n".encode())
        while True:
            with job.more:
                deadline = time.monotonic() + 20
                while position >= len(job.events) and not self.server.closing.is_set() and time.monotonic() < deadline:
                    job.more.wait(1)
            if position >= len(job.events):
                self.close_connection = True
                return
            event = job.events[position]
            position += 1
            if everything or event["type"] in ORIGINAL:
                self.event(position, event)
            if event["type"] == "complete":
                self.wfile.write(b"0\r\n\r\n")
                return

    def event(self, number, event):
        head = f"id: {number}\n" if number is not None else ""
        self.chunk(f"{head}data: {json.dumps(event)}\n\n".encode())

    def chunk(self, data):
        if self.left is not None and len(data) >= self.left:
            data = data[: self.left]
            if data:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.left = None
            if self.fault.clean:
                self.wfile.write(b"0\r\n\r\n")
                self.close_connection = True
                raise BrokenPipeError
            self.reset()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if self.left is not None:
            self.left -= len(data)

    def write_body(self, data):
        if self.fault and self.fault.cut_after is not None:
            self.wfile.write(data[: self.fault.cut_after])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_WR)
        else:
            self.wfile.write(data)

    def reset(self):
        """Drop the connection: after the bytes already sent if there are any, else with a reset."""
        self.close_connection = True
        if not (self.fault and self.fault.cut_after is not None):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        raise BrokenPipeError

    def send(self, status, body, headers=None):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.server.key_warning:
            self.send_header("Runyard-Key-Warning", self.server.key_warning)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server():
    with contextlib.ExitStack() as stack:
        server = CIServer()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        stack.callback(thread.join, 5)
        stack.callback(server.stop)
        yield server


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def ci(server):
    """A client of the server that does not wait between attempts."""
    from ci_client import CI

    with CI(server.url, api_key=KEY) as ci:
        ci._transport.chance = lambda: 0.0
        yield ci


@pytest.fixture
def project(tmp_path):
    """A small project."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "requirements.txt").write_text("pytest==7.4.3\n")
    (root / "tests" / "test_sum.py").write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    return root


@pytest.fixture
def finished(server):
    """A finished job: one test passed, one failed."""
    job = server.add_job(
        success=False,
        details={
            "reason": "tests_failed",
            "exit_code": 1,
            "tests": {"passed": 1, "failed": 1, "errors": 0, "skipped": 0, "total": 2, "duration": 0.25},
        },
        tests=[
            {
                "id": "tests/test_sum.py::test_sum",
                "outcome": "passed",
                "duration": 0.05,
                "message": None,
                "output": None,
            },
            {
                "id": "tests/test_sum.py::test_off[1]",
                "outcome": "failed",
                "duration": 0.2,
                "message": "assert 1 == 2",
                "output": "Traceback:\n  assert 1 == 2",
            },
        ],
        artifacts={"report.xml": b"<testsuite/>", "logs/big.bin": bytes(range(256)) * 4000},
    )
    job.add(
        {"type": "state", "status": "queued", "queue_position": 2, "attempt": 0},
        {"type": "state", "status": "running", "queue_position": None, "attempt": 1},
        {"type": "phase", "phase": "environment", "cached": True},
        {"type": "phase", "phase": "test"},
        {"type": "log", "data": "tests/test_sum.py::test_sum PASSED\n"},
        {
            "type": "test",
            "id": "tests/test_sum.py::test_sum",
            "outcome": "passed",
            "duration": 0.05,
            "message": None,
        },
        {"type": "log", "data": "tests/test_sum.py::test_off[1] FAILED\n"},
        {
            "type": "test",
            "id": "tests/test_sum.py::test_off[1]",
            "outcome": "failed",
            "duration": 0.2,
            "message": "assert 1 == 2",
        },
        {"type": "log", "data": "Grüße, \u2028 and \u0085 too\n"},
        {
            "type": "complete",
            "success": False,
            "status": "completed",
            "reason": "tests_failed",
            "message": None,
            "exit_code": 1,
            "tests": {"passed": 1, "failed": 1, "errors": 0, "skipped": 0, "total": 2, "duration": 0.25},
        },
    )
    return job


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and none of the caller's settings."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CI_API_KEY", "CI_SERVER_URL", "CI_PROFILE", "CI_EXIT_CODES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def wide_project(tmp_path):
    """A project whose package is large enough to be offered by digest first."""
    import random

    root = tmp_path / "wide"
    root.mkdir()
    (root / "requirements.txt").write_text("pytest\n")
    (root / "noise.bin").write_bytes(random.Random(1).randbytes(200_000))
    return root
