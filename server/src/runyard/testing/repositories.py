"""Git repositories for sessions to work on: made of commits, and served over HTTP on this machine by real git."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BRANCH = "main"
DEADLINE = 60
UPLOAD_PACK = "git-upload-pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What somebody has written. ``files`` are those it adds or changes, by path."""

    author: str
    at: datetime
    message: str
    files: Mapping[str, bytes]


def make_repository(folder: Path, commits: Iterable[Commit]) -> None:
    """A bare repository in a new folder, with these commits on its only branch, ``main``."""
    folder.mkdir(parents=True)
    _git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", cwd=folder)
    _git("fast-import", "--quiet", cwd=folder, given=b"".join(piece for one in commits for piece in _imported(one)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHost:
    """A host of repositories. Made by :func:`serve_repositories`.

    Attributes:
        folder: what is below it can be cloned: ``ada/orders.git`` at ``{url}/ada/orders.git``.
        tokens: what those repositories want as a password that aren't public, by path.
    """

    folder: Path
    url: str
    tokens: Mapping[str, str] = field(repr=False)

    @property
    def netloc(self) -> str:
        """Host and port, as ``RUNYARD_SESSION_HOSTS`` wants them."""
        return urlsplit(self.url).netloc

    def find(self, path: str) -> Path | None:
        """The repository at a path of the URL."""
        found = (self.folder / path).resolve()
        return found if found.is_relative_to(self.folder.resolve()) and (found / "HEAD").is_file() else None

    def lets_in(self, path: str, authorization: str) -> bool:
        """Whether who shows this header may clone the repository."""
        token = self.tokens.get(path)
        if token is None:
            return True
        scheme, _, login = authorization.partition(" ")
        return scheme == "Basic" and base64.b64decode(login).decode().partition(":")[2] == token


@contextmanager
def serve_repositories(folder: Path, *, tokens: Mapping[str, str] | None = None) -> Iterator[GitHost]:
    """Serve what is below a folder, for cloning only, on a free port of the loopback interface."""
    with _Server(folder, tokens or {}) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.host
        finally:
            server.shutdown()
            serving.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, folder: Path, tokens: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.host = GitHost(folder=folder, url=f"http://127.0.0.1:{self.server_port}", tokens=tokens)


class _Request(BaseHTTPRequestHandler):
    """The two that git makes for a clone."""

    server: _Server

    def do_GET(self) -> None:
        """What there is."""
        refs = f"/info/refs?service={UPLOAD_PACK}"
        if self.path.endswith(refs):
            self._serve(self.path.removesuffix(refs), "advertisement")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Some of it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._serve(self.path.removesuffix(f"/{UPLOAD_PACK}"), "result", body)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _serve(self, path: str, kind: str, body: bytes | None = None) -> None:
        path = path.strip("/")
        repository = self.server.host.find(path)
        if repository is None:
            self.send_error(404)
            return
        if not self.server.host.lets_in(path, self.headers.get("Authorization", "")):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            return
        asked = [] if body is not None else ["--advertise-refs"]
        content = _git(
            "upload-pack", "--stateless-rpc", *asked, str(repository),
            cwd=repository, given=body or b"", protocol=self.headers.get("Git-Protocol", ""),
        )  # fmt: skip
        if body is None:
            content = b"001e# service=git-upload-pack\n0000" + content
        self._answer(200, {"Content-Type": f"application/x-{UPLOAD_PACK}-{kind}"}, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _imported(commit: Commit) -> Iterator[bytes]:
    """A commit as ``git fast-import`` reads it."""
    message = commit.message.encode()
    address = f"{commit.author.lower()}@example.com"
    yield f"commit refs/heads/{BRANCH}\n".encode()
    yield f"committer {commit.author} <{address}> {commit.at.timestamp():.0f} +0000\n".encode()
    yield b"data %d\n%b\n" % (len(message), message)
    for path, content in commit.files.items():
        yield f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"


def _git(*words: str, cwd: Path, given: bytes = b"", protocol: str = "") -> bytes:
    """Git, untouched by the settings of whoever runs this."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PROTOCOL": protocol}
    done = subprocess.run(
        ["git", *words], cwd=cwd, env=environment, input=given, capture_output=True, timeout=DEADLINE, check=True
    )
    return done.stdout
