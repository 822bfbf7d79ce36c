"""A sessions service on a real socket, in a thread of its own: the contract's, or only the original part of it.

It does what it is told to: drop streams, answer slowly, fail. What happened is in `requests`.
"""

import asyncio
import contextlib
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "sha256~abcdefghijklmnop"
DEADLINE = 20


@dataclass
class Seen:
    """A request, as it arrived."""

    method: str
    path: str
    query: list
    headers: dict
    body: bytes

    @property
    def line(self):
        return f"{self.method} {self.path}"

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Answer:
    """What is sent back. `cut` drops the connection after so many bytes of the body."""

    status: int = 200
    document: object = None
    body: bytes | None = None
    headers: dict = field(default_factory=dict)
    cut: int | None = None


RESET = "reset"
"""A fault: the connection is dropped without an answer."""
SILENT = "silent"
"""A fault: the request is read, and never answered."""
ACTED_RESET = "acted reset"
"""A fault: the server does what was asked, and the connection is dropped without an answer."""


def refused(status, error, message=None, code=None, **headers):
    body = {"error": error, **({"message": message} if message else {}), **({"code": code} if code else {})}
    return Answer(status, body, headers=headers)


class Server:
    """The service. `original` has the original interface only."""

    def __init__(self, *, original=False):
        self.original = original
        self.token = TOKEN
        self.sessions = {}
        self.events = {}
        self.files = {}
        self.keys = {}
        self.decided = {}
        self.interruptions = 0
        self.requests = []
        self.faults = []
        self.behaviour = "completes"
        self.cut_after = None  # events of one connection
        self.double = False  # whether resumed streams begin too early
        self.comment = None  # seconds between two comments
        self.end_quietly = False  # whether streams end where there is nothing more, instead of staying open
        self.request_ids = 0
        self.comments = 0
        self._seen = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._connections = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # What tests do.

    def start(self, port=0):
        if not self._thread.is_alive():
            self._thread.start()
        self._listening = self.do(asyncio.start_server(self._serve, "127.0.0.1", port))
        self.port = self._listening.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self):
        self.go_away()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()

    def go_away(self):
        self.do(self._close())

    def come_back(self):
        self.start(self.port)

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)

    def until(self, happened):
        """Wait for something that requests bring about."""
        with self._seen:
            assert self._seen.wait_for(happened, DEADLINE), [one.line for one in self.requests]

    def seen(self, pattern):
        return [one for one in list(self.requests) if re.fullmatch(pattern, one.line)]

    def fault(self, pattern, what, times=1):
        """Answer the next requests like `METHOD path` with an `Answer`, or one of the faults."""
        self.faults += [(pattern, what)] * times

    def add(self, session_id=None, status="running", **fields):
        session_id = session_id or f"session-{1700000000 + len(self.sessions)}-abcdef"
        record = {"id": session_id, "status": status, "task": "a task", "createdAt": "2026-02-13T20:13:09Z", **fields}

        async def add():
            self.sessions[session_id] = record
            self.events[session_id] = []
            self.files[session_id] = {}

        self.do(add())
        return session_id

    def emit(self, session_id, kind, **fields):
        """Append an event; a terminal status ends the session."""

        async def emit():
            self._emit(session_id, kind, fields)

        self.do(emit())

    def script(self, session_id):
        """A whole session, as events."""
        self.emit(session_id, "status", status="running")
        for kind, fields in (
            ("repo", {"name": "platform", "url": "https://github.com/ambient-code/platform", "branch": "main",
                      "commit": "0123456789abcdef", "state": "ready"}),
            ("message", {"role": "user", "content": "a task"}),
            ("note", {"content": "claude-3.5-sonnet is not configured; the embedded agent does the work"}),
            ("delta", {"content": "I look "}),
            ("delta", {"content": "around."}),
            ("message", {"role": "assistant", "content": "I look around."}),
            ("tool_call", {"call": "c1", "name": "run_command", "arguments": {"command": "ls"}}),
            ("approval", {"call": "c1", "state": "needed"}),
            ("approval", {"call": "c1", "state": "approved", "by": "alice", "comment": "go"}),
            ("log", {"content": "README.md\n"}),
            ("tool_result", {"call": "c1", "ok": True, "content": "README.md", "truncated": False}),
            ("artifact", {"name": "report.md", "size": 6, "sha256": "0" * 64}),
            ("usage", {"turns": 2, "inputTokens": 100, "outputTokens": 20, "toolCalls": 1}),
        ):  # fmt: skip
            self.emit(session_id, kind, **fields)
        self.emit(session_id, "status", status="completed")

    # What the service does.

    def _emit(self, session_id, kind, fields):
        record, events = self.sessions[session_id], self.events[session_id]
        events.append({"seq": len(events) + 1, "at": "2026-02-13T20:13:10Z", "type": kind, **fields})
        if kind == "status":
            record["status"] = fields["status"]
            if fields["status"] == "completed":
                record |= {"completedAt": "2026-02-13T20:14:09Z", "result": "It is a platform."}
            if fields["status"] == "failed":
                record |= {"completedAt": "2026-02-13T20:14:09Z", "error": fields.get("error", "it broke")}
                record |= {"reason": fields.get("reason", "agent_failed")}
        self._wake()

    def _wake(self):
        for waiting in list(self._connections):
            waiting.news.set()

    async def _close(self):
        self._listening.close()
        for connection in list(self._connections):
            connection.writer.transport.abort()
        self._wake()

    async def _serve(self, reader, writer):
        connection = Connection(reader, writer)
        self._connections.add(connection)
        try:
            while (request := await connection.request()) is not None:
                with self._seen:
                    self.requests.append(request)
                    self._seen.notify_all()
                if not await self._respond(connection, request):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(connection)
            writer.close()
            with self._seen:
                self._seen.notify_all()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @property
    def open(self):
        return len(self._connections)

    async def _respond(self, connection, request):
        for fault in self.faults:
            if re.fullmatch(fault[0], request.line):
                self.faults.remove(fault)
                return await self._fail(connection, request, fault[1])
        answer = self.route(request)
        if answer is None:
            return await self._stream(connection, request)
        return await connection.send(answer)

    async def _fail(self, connection, request, what):
        if what == SILENT:
            await connection.reader.read()
            return False
        if what in (RESET, ACTED_RESET):
            if what == ACTED_RESET:
                self.route(request)
            connection.writer.transport.abort()
            return False
        return await connection.send(what)

    def route(self, request):
        answer = self._refusal(request) or self._route(request)
        if answer is not None and not self.original:
            self.request_ids += 1
            answer.headers.setdefault("X-Request-Id", f"req-{self.request_ids}")
        return answer

    def _refusal(self, request):
        if not request.path.startswith("/v1/"):
            return None
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            return refused(401, "Missing or invalid authorization")
        if given != f"Bearer {self.token}":
            return refused(401, "Token expired or invalid")
        project = request.headers.get("x-ambient-project")
        if not project:
            return refused(400, "Project required. Set X-Ambient-Project header")
        if project == "foreign":
            return refused(403, "Unauthorized to access project")
        return None

    def _route(self, request):
        match request.method, [unquote(part) for part in request.path.strip("/").split("/")]:
            case "GET", ["health"]:
                return Answer(200, {"status": "ok"})
            case "POST", ["v1", "sessions"]:
                return self._create(request)
            case "GET", ["v1", "sessions"]:
                return self._list(request)
            case "GET", ["v1", "models"] if not self.original:
                models = [{"name": "analyst", "agent": "embedded", "default": True}, {"name": "gpt", "agent": "ai"}]
                return Answer(200, {"items": models})
            case method, ["v1", "sessions", session_id, *rest] if session_id not in self.sessions:
                return refused(404, f"session not found: {session_id}", code="not_found")
            case "GET", ["v1", "sessions", session_id]:
                return Answer(200, self.sessions[session_id])
            case "DELETE", ["v1", "sessions", session_id]:
                del self.sessions[session_id]
                self._wake()
                return Answer(204)
            case method, ["v1", "sessions", session_id, *rest] if not self.original:
                return self._part(request, method, session_id, rest)
        return Answer(404, body=b"404 page not found", headers={"Content-Type": "text/plain"})

    def _create(self, request):
        body, key = request.json, request.headers.get("idempotency-key")
        if key in self.keys and not self.original:
            return Answer(201, {"id": self.keys[key], "message": "Session created"})
        if body.get("model") == "nonsense":
            return refused(400, "unknown model 'nonsense'", "configured: analyst, gpt", "unknown_model")
        session_id = f"session-{1700000000 + len(self.sessions)}-abcdef"
        self.keys[key] = session_id
        self.sessions[session_id] = {
            "id": session_id, "status": "pending", "createdAt": "2026-02-13T20:13:09Z",
            **{name: body[name] for name in ("task", "model", "labels", "displayName", "interactive") if name in body},
        }  # fmt: skip
        self.events[session_id] = []
        self.files[session_id] = {}
        if self.behaviour == "completes":
            self._emit(session_id, "status", {"status": "running"})
            self._emit(session_id, "status", {"status": "completed"})
        return Answer(201, {"id": session_id, "message": "Session created"})

    def _list(self, request):
        query = dict(request.query)
        found = list(reversed(self.sessions.values()))
        if "status" in query:
            found = [one for one in found if one["status"] == query["status"]]
        for label in [value for name, value in request.query if name == "label"]:
            name, _, value = label.partition("=")
            found = [one for one in found if one.get("labels", {}).get(name) == value]
        first = int(query.get("cursor", 0))
        last = first + int(query.get("limit", len(found)))
        more = {"nextCursor": str(last)} if last < len(found) else {}
        return Answer(200, {"items": found[first:last], "total": len(found), **more})

    def _part(self, request, method, session_id, rest):
        record = self.sessions[session_id]
        over = record["status"] in {"completed", "failed"}
        match method, rest:
            case "GET", ["events"]:
                return None
            case "GET", ["messages"]:
                kept = ("seq", "at", "role", "content")
                said = [one for one in self.events[session_id] if one["type"] == "message"]
                return Answer(200, {"items": [{name: one[name] for name in kept} for one in said]})
            case "POST", [_, *_] if over:
                return refused(409, "the session has ended", code="ended")
            case "POST", ["messages"]:
                key = (session_id, request.headers.get("idempotency-key"))
                if key not in self.keys:
                    self._emit(session_id, "message", {"role": "user", "content": request.json["content"]})
                    self.keys[key] = len(self.events[session_id])
                return Answer(202, {"seq": self.keys[key]})
            case "POST", ["interrupt"]:
                key = (session_id, request.headers.get("idempotency-key"))
                self.interruptions += key not in self.keys
                self.keys[key] = None
                return Answer(202, record)
            case "POST", ["stop"]:
                self._emit(session_id, "status", {"status": "failed", "reason": "stopped", "error": "stopped"})
                return Answer(202, record)
            case "POST", ["finish"]:
                self._emit(session_id, "status", {"status": "completed"})
                return Answer(202, record)
            case "POST", ["approvals", call]:
                if call in self.decided:
                    return refused(409, "that is decided", code="decided")
                self.decided[call] = request.json
                return Answer(202, {})
            case "GET", ["artifacts"]:
                files = self.files[session_id].items()
                return Answer(200, {"items": [
                    {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
                     "contentType": "text/plain"} for name, content in files
                ]})  # fmt: skip
            case "GET", ["artifacts", *name]:
                return self._file(request, self.files[session_id]["/".join(name)])
            case "GET", ["patch"]:
                repo = dict(request.query).get("repo", "all")
                return Answer(body=b"--- a/caf\xe9\n+++ " + repo.encode(), headers={"Content-Type": "text/x-diff"})
            case "GET", ["logs"]:
                lines = [f"line {number}" for number in range(5)][-int(dict(request.query).get("tail", 5)) :]
                return Answer(body=("\n".join(lines) + "\n").encode() + b"\xff", headers={"Content-Type": "text/plain"})
            case "GET", ["metrics"]:
                return Answer(200, {"turns": 2, "durationSeconds": 1.5})
        return refused(405, "no")

    def _file(self, request, content):
        covered = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if covered is None:
            return Answer(200, body=content)
        first = int(covered[1])
        headers = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        return Answer(206, body=content[first:], headers=headers)

    async def _stream(self, connection, request):
        session_id = unquote(request.path.split("/")[3])
        known = request.headers.get("last-event-id") or dict(request.query).get("after") or 0
        events = self.events[session_id]
        if known == "last":  # of what is over, the end is told
            known = len(events) - (self.sessions[session_id]["status"] in {"completed", "failed"})
        known = int(known)
        position = max(0, known - 3) if self.double and known else known
        await connection.begin()
        await connection.chunk(b"id: %d\n\n" % position)
        sent = 0
        while True:
            connection.news.clear()
            if session_id not in self.sessions:
                return False
            for event in self.events[session_id][position:]:
                if self.cut_after is not None and sent >= self.cut_after:
                    connection.writer.transport.abort()
                    return False
                await connection.event(event)
                sent += 1
                position = event["seq"]
                if event["type"] == "status" and event["status"] in {"completed", "failed"}:
                    return await connection.end()
            # Behind the last event nothing comes any more.
            if self.end_quietly or self.sessions[session_id]["status"] in {"completed", "failed"}:
                return await connection.end()
            gone = asyncio.ensure_future(connection.reader.read(1))
            news = asyncio.ensure_future(connection.news.wait())
            done, pending = await asyncio.wait({gone, news}, timeout=self.comment, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            if gone in done:
                return False
            if not done:
                await connection.chunk(b": still here\n\n")
                with self._seen:
                    self.comments += 1
                    self._seen.notify_all()


class Connection:
    """One client's connection."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.news = asyncio.Event()

    async def request(self):
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return None
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        return Seen(method, parts.path, parse_qsl(parts.query), headers, body)

    async def send(self, answer):
        body = answer.body
        headers = dict(answer.headers)
        if body is None:
            body = b"" if answer.document is None else json.dumps(answer.document).encode()
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        if answer.status != 204:
            headers["Content-Length"] = str(len(body))
        lines = [
            f"HTTP/1.1 {answer.status} X",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if answer.cut is not None:
            await self.write(body[: answer.cut])
            self.writer.close()
            return False
        await self.write(body)
        return True

    async def begin(self):
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        self.writer.write(head.encode())
        await self.chunk(b"retry: 1\n\n")

    async def event(self, event):
        text = f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
        await self.chunk(text.encode())

    async def chunk(self, content):
        await self.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    async def end(self):
        await self.write(b"0\r\n\r\n")
        return False

    async def write(self, content):
        self.writer.write(content)
        await self.writer.drain()
