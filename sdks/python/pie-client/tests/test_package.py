"""What the package is from the outside."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import pie
import pie_client

ROOT = Path(__file__).parents[1]


def test_all_is_what_is_public():
    for name in pie.__all__:
        assert getattr(pie, name) is not None
    assert sorted(pie.__all__) == pie.__all__


def test_the_originals_name_has_the_same_objects():
    for name in pie.__all__:
        assert getattr(pie_client, name) is getattr(pie, name)
    assert pie_client.__version__ == pie.__version__


def test_every_error_is_public_and_drawn():
    from pie import errors

    drawn = errors.__doc__
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and kind.__module__ == "pie.errors":
            assert issubclass(kind, pie.PieError)
            assert name in pie.__all__
            assert name in drawn


def test_the_version_is_told_once():
    from pie._version import VERSION

    assert pie.__version__ == VERSION == version("pie-client")


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="PieServer"):
        _ = pie.PieServer


def test_importing_loads_little():
    code = "import sys, pie; print('websockets' in sys.modules, 'cryptography' in sys.modules, 'typer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False False\n"


def test_the_client_loads_no_command_line():
    code = (
        "import sys, pie.client, pie.sync; print([n for n in ('typer', 'rich', 'mcp', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_the_example_runs(server, pies, tmp_path):
    import asyncio

    source = (ROOT / "main.py").read_text()
    assert "ws://127.0.0.1:8080" in source
    (tmp_path / "main.py").write_text(source.replace("ws://127.0.0.1:8080", server.url))
    (tmp_path / "program.wasm").write_bytes(pies.wasm("every_event"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", "program.wasm", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert out.decode().splitlines() == [
        "Message: text",
        "Stdout: out",
        "Stderr: err",
        "a blob of 4 bytes",
        "Completed: returned",
    ], err
