"""A real git server over HTTP on loopback, for repositories that tests make with the real git."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

ENVIRONMENT = {
    **os.environ,
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """Run git, and give what it prints."""
    done = subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="surrogateescape").strip()


@dataclass
class GitServer:
    """Serves every bare repository in ``folder`` below ``url``.

    Attributes:
        logins: name of a repository -> the user and password it asks for.
        redirects: path of a repository -> where its first answer leads to.
        seen: method, path and ``Authorization`` of every request.
        hold: repositories whose requests are answered when the event is set.
    """

    folder: Path
    url: str = ""
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    hold: dict[str, threading.Event] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    def make(self, name: str, files: dict[str, bytes | str] | None = None, *, branch: str = "main") -> Path:
        """A repository with one commit of these files; returns the folder to go on in (see :meth:`push`)."""
        work = self.folder / "work" / name
        work.mkdir(parents=True)
        git(work, "init", "-q", "-b", branch)
        git(self.folder, "init", "-q", "--bare", "-b", branch, f"{name}.git")
        git(work, "remote", "add", "origin", str(self.folder / f"{name}.git"))
        if files is not None:
            self.commit(work, files, "The beginning")
        return work

    def commit(self, work: Path, files: dict[str, bytes | str], message: str = "More") -> str:
        """Write files, commit and publish them; returns the commit."""
        for path, content in files.items():
            target = work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", message)
        return self.push(work)

    def push(self, work: Path) -> str:
        """Publish the branch; returns its commit."""
        git(work, "push", "-q", "origin", "HEAD")
        return git(work, "rev-parse", "HEAD")

    def publish(self, name: str, commit: str, *, branch: str = "main") -> None:
        """Make a commit that is in the bare repository already its branch."""
        git(self.folder / f"{name}.git", "update-ref", f"refs/heads/{branch}", commit)

    def address(self, name: str) -> str:
        """URL of a repository."""
        return f"{self.url}/{name}.git"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: GitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            self._answer(b"".join(self._chunks()))
        else:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *_arguments: object) -> None:
        pass

    def _chunks(self) -> Iterator[bytes]:
        while length := int(self.rfile.readline(), 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        served, parts = self.served, urlsplit(self.path)
        name = parts.path.strip("/").partition("/")[0].removesuffix(".git")
        served.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if name in served.hold:
            served.hold[name].wait(60)
        for begin, target in served.redirects.items():
            if parts.path.startswith(begin):
                self._send(302, {"Location": self.path.replace(begin, target, 1)}, b"")
                return
        if name in served.logins and not self._knows(*served.logins[name]):
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
            return
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env={
                **ENVIRONMENT,
                "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROJECT_ROOT": str(served.folder),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        self._send(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _knows(self, user: str, password: str) -> bool:
        return self.headers.get("Authorization") == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # whoever asked has hung up


@contextmanager
def serve_git(folder: Path, *, host: str = "127.0.0.1") -> Iterator[GitServer]:
    """A server for the repositories in a folder."""
    served = GitServer(folder)
    server = ThreadingHTTPServer((host, 0), type("Answering", (_Answering,), {"served": served}))
    server.daemon_threads = True
    served.url = f"http://{host}:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield served
    finally:
        for event in served.hold.values():
            event.set()
        server.shutdown()
        serving.join()
        server.server_close()
