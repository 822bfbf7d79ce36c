"""A fake server, a home without settings, and the two programs in this process."""

import importlib.util
import os
import socket
import sys
from pathlib import Path

import pytest
from PIL import Image

from cl_client import admin_cli, cli

SOURCE = Path(cli.__file__).parents[2]


def _load(name):
    spec = importlib.util.spec_from_file_location(f"cl_client_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fake_server = _load("fake_server")
fake_plugins = _load("fake_plugins")


@pytest.fixture
def server():
    with fake_server.FakeServer(fake_plugins.RESULTS).running() as running:
        yield running


@pytest.fixture
def closed_port():
    """A port nobody listens at: the broker that isn't there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def home(tmp_path, monkeypatch, server, closed_port):
    """A home of one's own, and an environment that names the fake server."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("CL_", "MQTT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COMPUTE_URL", server.url)
    monkeypatch.setenv("AUTH_URL", server.url)
    monkeypatch.setenv("MQTT_BROKER_HOST", "127.0.0.1")
    monkeypatch.setenv("MQTT_BROKER_PORT", str(closed_port))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def run(home, capfd):
    """Run `cl_client` in this process: exit code, stdout, stderr."""

    def run(*arguments):
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def admin(home, capfd, monkeypatch):
    """Run `cl-admin` as the admin, in this process."""
    monkeypatch.setenv("CL_USERNAME", "admin")
    monkeypatch.setenv("CL_PASSWORD", "secret")

    def admin(*arguments):
        capfd.readouterr()
        code = admin_cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return admin


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 48), "teal").save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, one of them in a folder below, and things that are none."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name, colour in (("a.jpg", "red"), ("b.png", "green"), ("sub/c.jpg", "blue")):
        Image.new("RGB", (40, 30), colour).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder
