"""The guide to runs runs as it stands, with a host of ours in place of the one that its workflow tells of a release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from runyard.testing.running import RunningYard

from .terminal import ROOT, RUNS_GUIDE, Block, Terminal, blocks, reader_environment

TOLD = "https://hooks.example.com"
README = ROOT / "sdks" / "python" / "portarium-client" / "README.md"
GENERATION = ROOT / "docs" / "guides" / "python-client-generation.md"

USED = """
from portarium_client.api.runs import cancel_run

with AuthenticatedClient(URL, credentials) as client:
    show(client)
    path = Path("invoice.txt")
    path.write_text("5000 for the roof")
    assert there_and_back(client, path) == b"5000 for the roof"
    approve(client, "approval-nobody-asked-for")
    cancel_run.sync("ws-acme", run.run_id, client=client)
    assert not ended(client, run.run_id)
    watch(client, run.run_id)
"""
"""What is done with the functions of the client's README, which defines them and goes on."""


class Hooks(ThreadingHTTPServer):
    """Whom a release is told. ``told`` is what they heard, each with its key."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, object]] = []
        super().__init__(("127.0.0.1", 0), Hook)

    @property
    def netloc(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_port}"


class Hook(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:  # noqa: N802  (the library's name)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append((self.headers["idempotency-key"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def open_hooks() -> Iterator[Hooks]:
    with Hooks() as hooks:
        serving = Thread(target=hooks.serve_forever)
        serving.start()
        try:
            yield hooks
        finally:
            hooks.shutdown()
            serving.join()


@pytest.mark.timeout(300)
def test_every_block_of_the_page_runs(yard_database: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    with (
        open_hooks() as hooks,
        RunningYard(database_url=yard_database, settings={"runs_http_hosts": hooks.netloc}) as yard,
    ):
        terminal = Terminal(
            tmp_path / "terminal", tmp_path / "examples", reader_environment(yard),
            hosts={TOLD: f"http://{hooks.netloc}"},
        )  # fmt: skip
        for block in blocks(RUNS_GUIDE):
            if block.runs:
                terminal.run(block)
    ((key, release),) = hooks.told
    assert key is not None
    assert key.endswith("/announce")
    assert isinstance(release, dict)
    assert (release["version"], release["tests"], release["poster"]["name"]) == ("2.1", 27, "thumbnail.jpg")
    assert (tmp_path / "examples" / "thumbnail.jpg").stat().st_size > 1000


@pytest.mark.timeout(180)
def test_the_code_of_the_clients_readme_runs(yard_database: str, tmp_path: Path) -> None:
    with RunningYard(database_url=yard_database) as yard:
        terminal = Terminal(tmp_path / "terminal", tmp_path, reader_environment(yard))
        workspace, workflow, *_ = (block for block in blocks(GENERATION) if block.runs)
        terminal.run(workspace)
        terminal.run(workflow)
        code = [block.code for block in blocks(README) if block.language == "python"]
        assert len(code) > 6
        terminal.run(Block(README, 1, "python", "\n".join([*code, USED]), None))
