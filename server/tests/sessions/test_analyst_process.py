"""The analysis as a program of its own, as the sandbox runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runyard.services.sessions.analyst import Analysis, from_json

from .analyst_repositories import APPLICATION, facts_of, repository, write

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runyard.services.sessions.analyst", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)


def test_the_facts_are_those_of_the_library(tmp_path: Path):
    folder = repository(tmp_path / "orders", APPLICATION)
    plain = write(tmp_path / "plain", {"a.py": "x = 1\n"})
    done = run(str(tmp_path / "facts.json"), f"orders={folder}", f"plain={plain}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert from_json((tmp_path / "facts.json").read_bytes()) == Analysis(
        repositories=(facts_of(folder), facts_of(plain))
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    done = run(str(tmp_path / "facts.json"), f"x={tmp_path / 'nowhere'}")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert not (tmp_path / "facts.json").exists()


def test_wrong_arguments_are_answered_with_the_usage():
    for arguments in ((), ("x",), ("x", "y")):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage:")


def test_the_library_loads_neither_jobs_nor_a_network():
    code = "import sys, runyard.services.sessions.analyst; print([m for m in ('asyncpg', 'fastapi', 'httpx', 'runyard.jobs', 'runyard.identity') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=True
    )
    assert done.stdout.strip() == "[]"
