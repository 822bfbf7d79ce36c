"""A page of the documents as its reader types it: blocks of code, and a terminal to run them in.

The terminal stands in a folder of its own beside copies of this repository's examples, with a home, a user and a key.
Blocks of one page share the shell's variables, shell blocks its current folder, too; Python blocks start where the page
starts. What a reader would put in their own words for is put in: ``http://localhost:8000``, in Python also
``ws://127.0.0.1:8080`` and ``ci_...``, the password that ``cl_client login admin`` asks for, and hosts of git
repositories and others, which the tests have not got.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runyard.testing.repositories import GitHost
from runyard.testing.running import RunningYard

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_GUIDE = ROOT / "docs" / "guides" / "plugins.md"
SESSIONS_GUIDE = ROOT / "docs" / "guides" / "sessions.md"
RUNS_GUIDE = ROOT / "docs" / "guides" / "runs.md"
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "quick-start.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    ROOT / "examples" / "media" / "README.md",
]
LANGUAGES = {"python", "bash", "sh"}
BLOCK = re.compile(
    r"(?:<!-- *not run: *(?P<reason>[^\n]*?) *-->\n+)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
GIT_HOSTS = ("github.com", "git.example.com")
EXTRA_PROGRAMS = {"mosquitto_sub"}
"""Programs that not every machine has; where one is missing, the blocks that call it are passed over."""

ADMIN_PASSWORD = "said only once"
PROJECT = "demo"
DEADLINE = 120

REMEMBER = """
set -a
[ ! -e "$TERMINAL/variables" ] || source "$TERMINAL/variables"
"""

# What a terminal keeps from one command to the next: variables and the current folder, even when a block ends with `exit`.
SHELL = f"""
{REMEMBER}
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

    @property
    def runs(self) -> bool:
        missing = {name for name in EXTRA_PROGRAMS if name in self.code and shutil.which(name) is None}
        return self.reason is None and not missing


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are code to run, in order."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        if found["language"] in LANGUAGES:
            line = text.count("\n", 0, found.start("code"))
            yield Block(page, line, found["language"], found["code"], found["reason"])


class Terminal:
    """A reader's terminal, which stands in ``start`` at first and remembers in ``state``.

    Args:
        git: has the repositories of whatever hosts the page names.
        hosts: addresses of other hosts that the page names, and where the test has one in their place.
    """

    def __init__(
        self, state: Path, start: Path, environment: dict[str, str], *, git: GitHost | None = None,
        hosts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._state = state
        self._state.mkdir()
        self._start = start
        (self._state / "folder").write_text(str(start))
        (self._state / "shell").write_text(SHELL)
        commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**environment, "PATH": commands, "TERMINAL": str(self._state)}
        self._git = git
        self._hosts = dict(hosts)
        if "CI_SERVER_URL" in environment:  # a reader who has no yard yet has none of its addresses either
            self._hosts["http://localhost:8000"] = environment["CI_SERVER_URL"]

    def run(self, block: Block) -> None:
        """Run it; one that ends with an error fails the test."""
        code = block.code
        if self._git is not None:
            for host in GIT_HOSTS:
                code = code.replace(f"https://{host}", self._git.url).replace(host, self._git.netloc)
        for named, here in self._hosts.items():
            code = code.replace(named, here)
        done = self._python(code) if block.language == "python" else self._shell(code)
        assert done.returncode == 0, f"{block} ended with {done.returncode}:\n{block.code}\n{done.stdout}"

    def _python(self, code: str) -> subprocess.CompletedProcess[str]:
        code = code.replace("ws://127.0.0.1:8080", self._environment["PIE_URL"])
        script = self._state / "block"
        script.write_text(code.replace('"ci_..."', f'"{self._environment["CI_API_KEY"]}"'))
        command = f'{REMEMBER}cd "$1" && exec "$2" "$3"'
        return self._run(["bash", "-c", command, "python", str(self._start), sys.executable, str(script)], self._start)

    def _shell(self, code: str) -> subprocess.CompletedProcess[str]:
        asked = "cl_client login admin"
        script = self._state / "block"
        script.write_text(
            re.sub(rf"^{asked}$", f"echo '{ADMIN_PASSWORD}' | {asked} --password -", code, flags=re.MULTILINE)
        )
        folder = Path((self._state / "folder").read_text().strip())
        return self._run(["bash", str(self._state / "shell"), str(script)], folder)

    def _run(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip


def reader_environment(yard: RunningYard) -> dict[str, str]:
    """That of a new user of the yard, who may also administer it, and is a member of a project."""
    user = yard.user("Reader")
    yard.inside(lambda inside: inside.identity.projects.add(PROJECT, members={user.id: "member"}))
    foreign = ("AMBIENT_", "CI_", "CL_", "PIE_", "PORTARIUM_", "SSH_")
    inherited = {name: text for name, text in yard.environment.items() if not name.startswith(foreign)}
    return inherited | {
        "AUTH_URL": yard.url,
        "COMPUTE_URL": yard.compute_url,
        "MQTT_BROKER_HOST": "127.0.0.1",
        "MQTT_BROKER_PORT": str(yard.mqtt_port),
        "HOME": str(user.home),
        "CI_SERVER_URL": yard.url,
        "CI_API_KEY": user.api_key,
        "PIE_URL": yard.inferlets_url,
        "AMBIENT_API_URL": yard.inferlets_url.replace("ws://", "http://"),
        "AMBIENT_PROJECT": PROJECT,
        "AMBIENT_TOKEN": user.api_key,
        "PORTARIUM_URL": yard.url,
    }
