"""Code in the documents runs: each page from top to bottom, as a reader in one terminal would type it.

Every ``python``, ``bash`` and ``sh`` block of these pages runs against a new yard, unless a comment above it says why not::

    <!-- not run: needs root -->
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.jobs import TRANSITIONS
from runyard.testing.repositories import GitHost
from runyard.testing.running import RunningYard

from .repositories import hosted_repositories
from .terminal import (
    ADMIN_PASSWORD,
    BLOCK,
    PAGES,
    PLUGIN_GUIDE,
    ROOT,
    RUNS_GUIDE,
    SESSIONS_GUIDE,
    Terminal,
    blocks,
    reader_environment,
)

START = {
    "docs/guides/ci.md": "examples/calculator",
    "docs/guides/compute.md": "examples/media",
    "docs/guides/inferlets.md": "examples/inferlets",
    "examples/media/README.md": "examples/media",
}
"""Where a page's reader is; at the root otherwise."""

ELSEWHERE = {PLUGIN_GUIDE, RUNS_GUIDE, SESSIONS_GUIDE}
"""They have tests of their own, in yards that they say how to make."""


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    with hosted_repositories(tmp_path_factory.mktemp("git")) as host:
        yield host


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ELSEWHERE], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_block_of_the_page_runs(page: Path, yard_database: str, git: GitHost, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    settings = {"admin_password": ADMIN_PASSWORD, "session_hosts": git.netloc}
    with RunningYard(database_url=yard_database, settings=settings) as yard:
        start = tmp_path / START.get(str(page.relative_to(ROOT)), ".")
        terminal = Terminal(tmp_path / "terminal", start, reader_environment(yard), git=git)
        for block in blocks(page):
            if block.runs:
                terminal.run(block)


def test_the_pages_have_code_that_runs() -> None:
    """A guard against a test that finds nothing to do."""
    ran = [block for page in PAGES for block in blocks(page) if block.reason is None]
    assert len(ran) > 50


def test_a_block_that_does_not_run_says_why() -> None:
    assert [str(block) for page in PAGES for block in blocks(page) if block.reason == ""] == []


def test_the_state_diagram_is_the_transition_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    diagram = next(one for one in BLOCK.finditer(text) if one["code"].startswith("stateDiagram"))["code"]
    drawn = set(re.findall(r"^ +(\w+|\[\*\]) --> (\w+|\[\*\])$", diagram, re.MULTILINE))
    steps = {(state.value, after.value) for state, allowed in TRANSITIONS.items() for after in allowed}
    ends = {(state.value, "[*]") for state in TRANSITIONS if state.ended}
    assert drawn == {("[*]", "queued"), *steps, *ends}
