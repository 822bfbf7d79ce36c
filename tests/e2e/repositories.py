"""A git repository that sessions can clone without the internet: real git, over plain HTTP on this machine."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FILES = {
    "README.md": "# Orders\n\nTakes orders and counts them.\n",
    "pyproject.toml": '[project]\nname = "orders"\nversion = "1.0"\ndependencies = ["httpx>=0.28"]\n'
    '[project.scripts]\norders = "orders.main:main"\n',
    "src/orders/__init__.py": "",
    "src/orders/main.py": "def main():\n    # TODO: take orders\n    print('orders')\n",
    "tests/test_main.py": "def test_one():\n    assert True\n\n\ndef test_two():\n    assert True\n",
}


def git(folder: Path, *words: str) -> None:
    """Git, untouched by the settings of whoever runs the tests."""
    names = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    names |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in names.items()}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


@contextmanager
def served_repository(folder: Path) -> Iterator[str]:
    """The address of a repository with :data:`FILES` on its branch ``main``."""
    work = folder / "orders.git"
    for name, content in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(content)
    git(work, "init", "-q", "-b", "main")
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "Orders")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Git, work))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{work.name}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Git(BaseHTTPRequestHandler):
    """What `git clone` asks of a server."""

    def __init__(self, work: Path, *connection: Any) -> None:
        self._work = work
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802
        if not self.path.endswith("/info/refs?service=git-upload-pack"):
            self.send_error(404)
            return
        self._answer("advertisement", b"001e# service=git-upload-pack\n0000" + self._upload_pack("--advertise-refs"))

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._answer("result", self._upload_pack(body=body))

    def _upload_pack(self, *options: str, body: bytes = b"") -> bytes:
        environment = {**os.environ, "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        command = ["git", "upload-pack", "--stateless-rpc", *options, str(self._work)]
        return subprocess.run(command, input=body, env=environment, capture_output=True, check=True).stdout

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
