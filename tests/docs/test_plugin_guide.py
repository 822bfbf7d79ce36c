"""The guide to one's own plugin: what it says to write is built, installed and found by a real yard, which does its jobs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from runyard.testing.running import RunningYard

from .terminal import PLUGIN_GUIDE, ROOT, Terminal, blocks, reader_environment


@pytest.mark.timeout(300)
def test_every_block_of_the_page_runs(yard_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    installed = tmp_path / "installed"
    installed.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(installed))
    page = list(blocks(PLUGIN_GUIDE))
    (installing,) = (number for number, block in enumerate(page) if block.reason is not None)
    yard = RunningYard(database_url=yard_database)

    alone = Terminal(tmp_path / "alone", tmp_path, yard.environment)
    for block in page[:installing]:
        alone.run(block)
    install(tmp_path / "blur", installed)
    with yard:
        beside = Terminal(tmp_path / "beside", tmp_path, reader_environment(yard))
        for block in page[installing + 1 :]:
            beside.run(block)
    assert (tmp_path / "blurred.png").read_bytes().startswith(b"\x89PNG")


def install(project: Path, folder: Path) -> None:
    """As the guide does, but into a folder of its own, and without asking for what is here already."""
    here = ["--target", str(folder), "--no-deps", "--no-build-isolation", "--offline"]
    subprocess.run(
        [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, *here, str(project)],
        check=True, timeout=100,
    )  # fmt: skip
