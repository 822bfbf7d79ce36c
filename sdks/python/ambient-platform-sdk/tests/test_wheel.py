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
    assert "ambient_platform/_wire/retry.py" in names
    assert "ambient_platform/py.typed" in names
    run(*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(*uv, "pip", "install", "--quiet", "--python", python, str(wheel))
    code = (
        "from ambient_platform import AmbientClient, AsyncAmbientClient\n"
        "with AmbientClient('http://localhost:1', 'your-token', 'your-project'): pass\n"
        "AsyncAmbientClient('http://localhost:1', 'your-token', 'your-project')"
    )
    run(python, "-W", "error", "-c", code)
