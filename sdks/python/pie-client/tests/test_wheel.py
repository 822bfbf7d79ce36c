"""The wheel works alone: built, installed with its declared dependencies only, and run."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_works_alone(tmp_path):
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}

    def run(*command):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=110, cwd=tmp_path, env=clean, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    uv = (sys.executable, "-m", "uv")
    run(*uv, "build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "pie/_wire/retry.py" in names
    assert "pie/py.typed" in names
    run(*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(*uv, "pip", "install", "--quiet", "--python", python, str(wheel))
    run(python, "-W", "error", "-c", "import pie_client, pie.sync; from pie import PieClient; PieClient()")
