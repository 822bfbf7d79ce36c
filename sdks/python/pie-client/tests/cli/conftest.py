"""A home without settings, and `pie` in this process."""

import io
import os

import pytest

from pie import cli


@pytest.fixture
def home(tmp_path, monkeypatch, server):
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("PIE_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PIE_URL", server.url)
    monkeypatch.setenv("PIE_USERNAME", "alice")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def pie(home, capfd, monkeypatch):
    """Run `pie`: exit code, stdout, stderr."""

    def run(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def program(tmp_path, pies):
    """Write a program's file."""

    def write(behaviour, name=None):
        path = tmp_path / f"{behaviour}.wasm"
        path.write_bytes(pies.wasm(behaviour))
        if name is not None:
            manifest = tmp_path / "Pie.toml"
            manifest.write_text(f'[package]\nname = "{name}"\nversion = "1.0.0"\n')
        return path

    return write
