"""The server side of docs/reference/compute-http.md, small enough to read: accounts and media jobs on one port.

It does what it is told to: a job ends at once, or when the test says so, with the output the test wants.
"""

import base64
import email
import hashlib
import json
import re
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ENDED = {"completed", "failed"}


@dataclass
class User:
    id: int
    username: str
    password: str
    is_admin: bool = False
    is_active: bool = True
    permissions: list = field(default_factory=list)

    def record(self):
        return {
            "username": self.username,
            "is_admin": self.is_admin,
            "is_active": self.is_active,
            "id": self.id,
            "created_at": "2026-01-02T03:04:05.123456",
            "permissions": self.permissions,
        }


@dataclass
class FakeJob:
    record: dict
    upload: bytes
    files: dict = field(default_factory=dict)


class FakeServer:
    """Attributes are what tests set and look at.

    Args:
        results: for each plugin, a function of a job that gives its output and its files.
    """

    def __init__(self, results):
        self.guest_mode = True
        self.users = [
            User(1, "admin", "secret", is_admin=True),
            User(2, "ada", "pw", permissions=["ai_inference_support"]),
        ]
        self.jobs = {}
        self.requests = []
        self.answered = []
        self.results = dict(results)
        self.held = threading.Event()  # set: jobs end at once
        self.held.set()
        self.refuse = {}  # (method, path) -> status, body
        self.token_minutes = 30.0
        self.plugins = []
        self.workers = {"num_workers": 1, "capabilities": {"hash": 1}}
        self.changed = threading.Condition()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            with self.changed:
                self.held.set()
                self.changed.notify_all()
            self.http.shutdown()
            self.http.server_close()
            thread.join()

    # ------------------------------------------------------------ accounts

    def token(self, user):
        claims = {"id": str(user.id), "permissions": user.permissions, "is_admin": user.is_admin}
        claims["exp"] = int(time.time() + self.token_minutes * 60)
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
        return ".".join([*parts, "signature" + str(len(self.requests))])

    def user_of(self, header):
        try:
            claims = json.loads(base64.urlsafe_b64decode(header.split(".")[1] + "=="))
        except (IndexError, ValueError):
            return None
        if claims["exp"] < time.time():
            return None
        return next((user for user in self.users if str(user.id) == claims["id"]), None)

    # ---------------------------------------------------------------- jobs

    def add(self, plugin, *, status="completed", output=None, error=None, files=(), **params):
        job_id = str(uuid.uuid4())
        record = {
            "job_id": job_id, "task_type": plugin, "status": status, "progress": 100 if status == "completed" else 0,
            "params": params, "task_output": output, "error_message": error, "priority": 5,
            "created_at": 1795226777208 + len(self.jobs), "updated_at": None, "started_at": None, "completed_at": None,
            "reason": None, "seq": 1, "attempt": 1, "waiting_for": None,
        }  # fmt: skip
        self.jobs[job_id] = FakeJob(record, b"", dict(files))
        return self.jobs[job_id]

    def change(self, job, **values):
        with self.changed:
            job.record.update(values, seq=job.record["seq"] + 1)
            self.changed.notify_all()

    def submit(self, plugin, fields, name, upload):
        job = self.add(plugin, status="queued", input_path=f"input/{name}", **fields)
        job.record["priority"] = int(job.record["params"].pop("priority", 5))
        job.upload = upload
        if self.held.is_set():
            self.finish(job)
        return job

    def finish(self, job):
        """Let the job end as its plugin does."""
        plugin = job.record["task_type"]
        try:
            output, files = self.results[plugin](job)
        except ValueError as error:
            self.change(job, status="failed", error_message=str(error), reason="bad_media")
            return
        job.files.update(files)
        if files:
            path = next(iter(files))
            job.record["params"]["output_path"] = "output" if plugin == "hls_streaming" else path
        self.change(job, status="completed", progress=100, task_output=output, completed_at=job.record["created_at"])

    # ---------------------------------------------------------------- http

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer goes out in one piece

            def log_message(self, *_):
                pass

            def do_GET(self):
                server.answer(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        return Handler

    def answer(self, http):
        url = urlsplit(http.path)
        body = read_body(http)
        self.requests.append((http.command, url.path))
        token = http.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call(self, http.command, unquote(url.path), parse_qs(url.query), http.headers, body, token)
        refused = self.refuse.get((http.command, url.path))
        status, document, headers = refused or call.answer()
        payload = (
            document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        )
        http.send_response(status)
        http.send_header("X-Request-Id", "req-1")
        for name, value in {"Content-Type": "application/json", **headers}.items():
            http.send_header(name, value)
        http.send_header("Content-Length", str(len(payload)))
        http.end_headers()
        http.wfile.write(payload)
        http.wfile.flush()
        with self.changed:
            self.answered.append((http.command, url.path))
            self.changed.notify_all()


@dataclass
class Call:
    server: FakeServer
    method: str
    path: str
    query: dict
    headers: object
    body: bytes
    token: str

    def answer(self):
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern, self.path)
            if method == self.method and found:
                try:
                    answer = act(self, *found.groups())
                except Refusal as refusal:
                    return refusal.status, {"detail": refusal.detail}, {}
                return answer if isinstance(answer, tuple) else (200, answer, {})
        return 404, {"detail": "Not Found"}, {}

    def form(self):
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    def who(self):
        user = self.server.user_of(self.token)
        if user is None:
            raise Refusal(401, "Could not validate credentials" if self.token else "Not authenticated")
        return user

    def admin(self):
        if not self.who().is_admin:
            raise Refusal(403, "The user doesn't have enough privileges")

    def may_compute(self):
        if not self.server.guest_mode:
            if not self.token:
                raise Refusal(401, "Authentication required")
            self.who()

    def job(self, job_id):
        self.may_compute()
        if job_id not in self.server.jobs:
            raise Refusal(404, f"Job {job_id} not found")
        return self.server.jobs[job_id]


class Refusal(Exception):
    def __init__(self, status, detail):
        self.status = status
        self.detail = detail


def sign_in(call):
    form = call.form()
    for user in call.server.users:
        if (user.username, user.password) == (form["username"], form["password"]):
            return {"access_token": call.server.token(user), "token_type": "bearer"}
    raise Refusal(401, "Incorrect username or password")


def refresh(call):
    return {"access_token": call.server.token(call.who()), "token_type": "bearer"}


def list_users(call):
    call.admin()
    skip, limit = int(call.query["skip"][0]), int(call.query["limit"][0])
    return [user.record() for user in call.server.users[skip : skip + limit]]


def create_user(call):
    call.admin()
    form = call.form()
    if any(user.username == form["username"] for user in call.server.users):
        raise Refusal(400, "Username already registered")
    permissions = [name for name in form.get("permissions", "").split(",") if name]
    admin = form["is_admin"] == "true"
    user = User(len(call.server.users) + 1, form["username"], form["password"], admin, True, permissions)
    call.server.users.append(user)
    return 201, user.record(), {}


def update_user(call, number):
    call.admin()
    user = next(user for user in call.server.users if str(user.id) == number)
    for name, value in call.form().items():
        if name == "permissions":
            user.permissions = [] if value == "[]" else value.split(",")
        elif value in {"true", "false"}:
            setattr(user, name, value == "true")
        else:
            setattr(user, name, value)
    return user.record()


def delete_user(call, number):
    call.admin()
    call.server.users = [user for user in call.server.users if str(user.id) != number]
    return 204, None, {}


def submit(call, plugin):
    call.may_compute()
    if plugin not in call.server.results:
        raise Refusal(405, "Method Not Allowed")
    fields, name, upload = multipart(call.headers, call.body)
    job = call.server.submit(plugin, fields, name, upload)
    return {"job_id": job.record["job_id"], "status": "queued", "task_type": plugin}


def get_job(call, job_id):
    job = call.job(job_id)
    deadline = time.monotonic() + float(call.query.get("wait", ["0"])[0])
    after = call.query.get("after")
    with call.server.changed:
        while time.monotonic() < deadline and job.record["status"] not in ENDED:
            if after and job.record["seq"] > int(after[0]):
                break
            call.server.changed.wait(deadline - time.monotonic())
        return dict(job.record)


def list_jobs(call):
    call.may_compute()
    found = [job.record for job in reversed(call.server.jobs.values())]
    for name in ("status", "task_type"):
        if name in call.query:
            found = [record for record in found if record[name] in call.query[name]]
    start = int(call.query.get("cursor", ["0"])[0])
    end = start + min(int(call.query.get("limit", ["50"])[0]), 3)
    return {"jobs": found[start:end], "next_cursor": str(end) if end < len(found) else None}


def cancel(call, job_id):
    job = call.job(job_id)
    if job.record["status"] in ENDED:
        raise Refusal(409, f"Job {job_id} has ended")
    call.server.change(job, status="failed", error_message="cancelled", reason="cancelled")
    return 202, job.record, {}


def retry(call, job_id):
    old = call.job(job_id)
    job = call.server.add(old.record["task_type"], status="queued", **old.record["params"])
    return {"job_id": job.record["job_id"], "status": "queued", "task_type": job.record["task_type"]}


def delete(call, job_id):
    call.job(job_id)
    del call.server.jobs[job_id]
    return 204, None, {}


def list_files(call, job_id):
    files = call.job(job_id).files
    return [
        {
            "path": path,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "application/octet-stream",
        }
        for path, content in files.items()
    ]


def get_file(call, job_id, path):
    files = call.job(job_id).files
    if path not in files:
        raise Refusal(404, f"File not found: {path}")
    digest = hashlib.sha256(files[path])
    return 200, files[path], {"Content-Type": "application/octet-stream", "ETag": f'"{digest.hexdigest()}"'}


def guest_mode(call):
    call.admin()
    call.server.guest_mode = call.form()["guest_mode"] == "true"
    return {"guest_mode": call.server.guest_mode, "message": "Configuration updated successfully"}


def config(call):
    call.admin()
    return {"guest_mode": call.server.guest_mode, "updated_at": 1795226777208, "updated_by": "1"}


def storage(call):
    call.admin()
    return {"total_size": sum(len(job.upload) for job in call.server.jobs.values()), "job_count": len(call.server.jobs)}


def cleanup(call):
    call.admin()
    assert call.query["days"] == ["3"]
    count = len(call.server.jobs)
    call.server.jobs.clear()
    return {"deleted_count": count, "freed_space": 2048}


def root(call):
    mode = "on" if call.server.guest_mode else "off"
    return {"status": "healthy", "service": "Task Server", "version": "v1", "guestMode": mode}


ROUTES = [
    ("GET", "/", root),
    ("POST", "/auth/token", sign_in),
    ("POST", "/auth/token/refresh", refresh),
    ("GET", "/auth/public-key", lambda call: {"public_key": "-----BEGIN PUBLIC KEY-----\n", "algorithm": "ES256"}),
    ("GET", "/users/me", lambda call: call.who().record()),
    ("GET", "/users/", list_users),
    ("POST", "/users/", create_user),
    ("PUT", r"/users/(\d+)", update_user),
    ("DELETE", r"/users/(\d+)", delete_user),
    ("GET", "/capabilities", lambda call: call.server.workers),
    ("GET", "/plugins", lambda call: call.server.plugins),
    ("GET", "/jobs", list_jobs),
    ("POST", r"/jobs/(\w+)", submit),
    ("GET", r"/jobs/([^/]+)", get_job),
    ("DELETE", r"/jobs/([^/]+)", delete),
    ("POST", r"/jobs/([^/]+)/cancel", cancel),
    ("POST", r"/jobs/([^/]+)/retry", retry),
    ("GET", r"/jobs/([^/]+)/files", list_files),
    ("GET", r"/jobs/([^/]+)/files/(.+)", get_file),
    ("GET", "/admin/jobs/storage/size", storage),
    ("DELETE", "/admin/jobs/cleanup", cleanup),
    ("GET", "/admin/config", config),
    ("PUT", "/admin/config/guest-mode", guest_mode),
]


def read_body(http):
    if http.headers.get("Transfer-Encoding") == "chunked":
        body = b""
        while size := int(http.rfile.readline(), 16):
            body += http.rfile.read(size)
            http.rfile.readline()
        http.rfile.readline()
        return body
    return http.rfile.read(int(http.headers.get("Content-Length") or 0))


def multipart(headers, body):
    message = email.message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    fields, name, upload = {}, "", b""
    for part in message.get_payload():
        key = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None:
            name, upload = part.get_filename(), part.get_payload(decode=True)
        else:
            fields[key] = part.get_payload()
    return fields, name, upload
