"""Each client's wheel works alone: built, installed with its declared dependencies only, and run."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[1] / "sdks" / "python"

IMPORTED = [
    ("ci-client", "ci_client", "import ci_client.client; from ci_client import CI; CI('http://localhost:1')"),
    ("cl-client", "cl_client", "from cl_client import ComputeClient, SessionManager; ComputeClient()"),
    ("pie-client", "pie", "import pie_client, pie.sync; from pie import PieClient; PieClient()"),
    (
        "ambient-platform-sdk",
        "ambient_platform",
        (
            "from ambient_platform import AmbientClient, AsyncAmbientClient\n"
            "with AmbientClient('http://localhost:1', 'your-token', 'your-project'): pass\n"
            "AsyncAmbientClient('http://localhost:1', 'your-token', 'your-project')"
        ),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package", "code"), IMPORTED, ids=[name for name, _, _ in IMPORTED])
def test_the_wheel_works_alone(tmp_path, name, package, code):
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}

    def run(*command):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=110, cwd=tmp_path, env=clean, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    uv = (sys.executable, "-m", "uv")
    run(*uv, "build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(CLIENTS / name))
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shared = (CLIENTS / "wire" / "src" / "runyard_wire").glob("*.py")
    assert {f"{package}/_wire/{module.name}" for module in shared} <= set(names)
    assert f"{package}/py.typed" in names
    run(*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    folder = tmp_path / "venv" / "bin"
    run(*uv, "pip", "install", "--quiet", "--python", str(folder / "python"), str(wheel))
    run(str(folder / "python"), "-W", "error", "-c", code)
    if name == "ci-client":  # the others' command lines are extras
        assert run(str(folder / "ci"), "--help").startswith("usage: ci")
