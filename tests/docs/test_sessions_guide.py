"""The guide to sessions runs as it stands, in a yard with the table of models that it shows.

The prose of reports comes from the test's endpoint, too: a small model takes seconds for each.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_platform import AmbientClient
from runyard.testing.repositories import GitHost
from runyard.testing.running import RunningYard

from .repositories import TOKEN, UNTIDY, hosted_repositories
from .scripted_model import ANSWER, open_model
from .terminal import ROOT, SESSIONS_GUIDE, Terminal, blocks, reader_environment

ENDPOINT = "http://127.0.0.1:8090/v1"


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitHost]:
    with hosted_repositories(tmp_path / "git") as host:
        yield host


@pytest.fixture
def endpoint() -> Iterator[str]:
    with open_model() as url:
        yield url


@pytest.mark.timeout(300)
def test_every_block_of_the_page_runs(yard_database: str, git: GitHost, endpoint: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    models = tmp_path / "models.toml"
    models.write_text(table(endpoint))
    settings = {
        "session_hosts": git.netloc, "session_models": str(models), "session_model": "embedded", "text_url": endpoint,
    }  # fmt: skip
    with RunningYard(database_url=yard_database, settings=settings) as yard:
        environment = reader_environment(yard) | {"GIT_TOKEN": TOKEN}
        terminal = Terminal(tmp_path / "terminal", tmp_path / "examples", environment, git=git)
        for block in blocks(SESSIONS_GUIDE):
            if block.runs:
                terminal.run(block)
        with AmbientClient(*(environment[f"AMBIENT_{name}"] for name in ("API_URL", "TOKEN", "PROJECT"))) as client:
            ended = {session.model: session for session in client.list_sessions()}
            assert ended["house"].result == "".join(ANSWER)
            tidied = client.patch(ended["tidy"].id)
    assert all(b"-" + line in tidied for line in UNTIDY["NOTES.md"].splitlines() if line != line.rstrip())
    assert (tmp_path / "examples" / "downloads" / "CONTRIBUTING.md").is_file()
    assert (tmp_path / "examples" / "click" / "CONTRIBUTING.md").is_file()


def table(endpoint: str) -> str:
    """The guide's table of models, with an endpoint that answers."""
    (shown,) = re.findall(r"^```toml\n(.*?)^```$", SESSIONS_GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert shown.count(ENDPOINT) == 1
    return str(shown).replace(ENDPOINT, endpoint)
