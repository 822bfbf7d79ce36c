"""The script that writes the client, and that notices whatever isn't as it would write it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CLIENT = Path("sdks/python/portarium-client")
SPEC = Path("docs/spec/openapi/portarium-control-plane.v1.yaml")
SCRIPT = Path("scripts/codegen/generate-python-client.sh")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script reads and writes, in a folder of its own."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in (CLIENT, SCRIPT.parent):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "tests"))
    (folder / SPEC).parent.mkdir(parents=True)
    shutil.copy(ROOT / SPEC, folder / SPEC)
    (folder / ".tools").symlink_to(ROOT / ".tools")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def run(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / SCRIPT, *options], capture_output=True, text=True, check=False)


def test_the_client_is_what_the_contract_gives(checkout: Path) -> None:
    done = run(checkout, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda client: (client / "portarium_client/api/runs/extra.py").write_text("x = 1\n"), "extra.py"),
        (lambda client: (client / "portarium_client/api/runs/get_run.py").unlink(), "get_run.py"),
        (lambda client: (client / "portarium_client/errors.py").write_text("# mine\n"), "# mine"),
        (lambda client: (client / "README.md").write_text("Mine.\n"), "Mine."),
        (shutil.rmtree, "No such file"),
    ],
    ids=["a file too many", "a file too few", "a changed file", "another README", "no client at all"],
)
def test_whatever_differs_is_noticed_and_left_as_it_is(
    checkout: Path, spoil: Callable[[Path], object], named: str, tmp_path: Path
) -> None:
    client, kept = checkout / CLIENT, tmp_path / "kept"
    shutil.copytree(client, kept)
    try:
        spoil(client)
        before = contents(client)
        done = run(checkout, "--check")
        assert done.returncode == 1
        assert named in done.stderr
        assert "Generate it anew" in done.stderr
        assert contents(client) == before
    finally:
        shutil.rmtree(client, ignore_errors=True)
        shutil.copytree(kept, client)


def test_it_is_written_anew_with_nothing_left_of_what_was_there(checkout: Path) -> None:
    client = checkout / CLIENT
    before = contents(client)
    (client / "portarium_client/api/runs/extra.py").write_text("x = 1\n")
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    assert contents(client) == before


def test_an_unknown_option_and_a_missing_contract_are_said(checkout: Path) -> None:
    assert "unknown option '--chek'" in run(checkout, "--chek").stderr
    spec = checkout / SPEC
    moved = spec.rename(spec.with_suffix(".moved"))
    try:
        done = run(checkout, "--check")
        assert (done.returncode, "make docs" in done.stderr) == (1, True)
    finally:
        moved.rename(spec)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
