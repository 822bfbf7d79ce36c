"""A home without settings, and `ambient` in this process."""

import io

import pytest
from ambient_tests_server import TOKEN

from ambient_platform import cli


@pytest.fixture
def home(tmp_path, monkeypatch, server):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AMBIENT_API_URL", server.url)
    monkeypatch.setenv("AMBIENT_TOKEN", TOKEN)
    monkeypatch.setenv("AMBIENT_PROJECT", "demo")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def ambient(home, capfd, monkeypatch):
    """Run `ambient`: exit code, stdout, stderr."""

    def run(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run
