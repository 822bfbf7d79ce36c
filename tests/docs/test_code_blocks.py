"""Code in the documents runs: each page from top to bottom, as a reader in one terminal would type it.

Every ``python``, ``bash`` and ``sh`` block of these pages runs against a new yard, unless a comment above it says why not::

    <!-- not run: needs root -->

The terminal stands beside copies of this repository's examples, with a home, a user and a key of its own. Shell blocks of one page
share its variables and its current folder; Python blocks start where the page starts, with a real address and key in place of
``http://localhost:8000`` and ``ci_...``. A block that ends with an error fails the page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runyard.jobs import TRANSITIONS
from runyard.testing.running import RunningYard

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "quick-start.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
]
LANGUAGES = {"python", "bash", "sh"}
BLOCK = re.compile(
    r"(?:<!-- *not run: *(?P<reason>[^\n]*?) *-->\n+)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
START = {"ci.md": "examples/calculator"}
"""Where a page's reader is; at the root otherwise."""

DEADLINE = 120

# What a terminal keeps from one command to the next: variables and the current folder, even when a block ends with `exit`.
SHELL = """
set -a
[ ! -e "$TERMINAL/variables" ] || source "$TERMINAL/variables"
trap 'export -p > "$TERMINAL/variables"; pwd > "$TERMINAL/folder"' EXIT
set -e
source "$1"
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code on a page. ``reason`` says why it isn't run."""

    page: Path
    line: int
    language: str
    code: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in BLOCK.finditer(text):
        if found["language"] in LANGUAGES:
            line = text.count("\n", 0, found.start("code"))
            yield Block(page, line, found["language"], found["code"], found["reason"])


class Terminal:
    """A reader's terminal."""

    def __init__(self, folder: Path, start: Path, environment: dict[str, str]) -> None:
        self._state = folder / "terminal"
        self._state.mkdir()
        self._start = start
        (self._state / "folder").write_text(str(start))
        (self._state / "shell").write_text(SHELL)
        self._environment = {**environment, "TERMINAL": str(self._state)}

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        script = self._state / "block"
        if block.language == "python":
            code = block.code.replace("http://localhost:8000", self._environment["CI_SERVER_URL"])
            script.write_text(code.replace('"ci_..."', f'"{self._environment["CI_API_KEY"]}"'))
            return self._run([sys.executable, str(script)], self._start)
        script.write_text(block.code)
        folder = Path((self._state / "folder").read_text().strip())
        return self._run(["bash", str(self._state / "shell"), str(script)], folder)

    def _run(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page: Path, yard_database: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with RunningYard(database_url=yard_database) as yard:
        terminal = Terminal(tmp_path, tmp_path / START.get(page.name, "."), environment(yard))
        for block in blocks(page):
            if block.reason is None:
                done = terminal.run(block)
                assert done.returncode == 0, f"{block} ended with {done.returncode}:\n{block.code}\n{done.stdout}"


def environment(yard: RunningYard) -> dict[str, str]:
    """That of a new user of the yard, who may also administer it."""
    user = yard.user("Reader")
    inherited = {name: text for name, text in yard.environment.items() if not name.startswith("CI_")}
    return inherited | {
        "HOME": str(user.home),
        "CI_SERVER_URL": yard.url,
        "CI_API_KEY": user.api_key,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def test_the_pages_have_code_that_runs() -> None:
    """A guard against a test that finds nothing to do."""
    ran = [block for page in PAGES for block in blocks(page) if block.reason is None]
    assert len(ran) > 20


def test_a_block_that_does_not_run_says_why() -> None:
    assert [str(block) for page in PAGES for block in blocks(page) if block.reason == ""] == []


def test_the_state_diagram_is_the_transition_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    diagram = next(one for one in BLOCK.finditer(text) if one["code"].startswith("stateDiagram"))["code"]
    drawn = set(re.findall(r"^ +(\w+|\[\*\]) --> (\w+|\[\*\])$", diagram, re.MULTILINE))
    steps = {(state.value, after.value) for state, allowed in TRANSITIONS.items() for after in allowed}
    ends = {(state.value, "[*]") for state in TRANSITIONS if state.ended}
    assert drawn == {("[*]", "queued"), *steps, *ends}
