"""Servers of both kinds, and clients of them."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from ambient_platform import AmbientClient, AsyncAmbientClient, RetryPolicy


def _load(name):
    spec = importlib.util.spec_from_file_location(f"ambient_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


service = _load("server")
QUICK = RetryPolicy(first_delay=0.0, longest_delay=0.0)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AMBIENT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server():
    running = service.Server().start()
    yield running
    running.stop()


@pytest.fixture
def original():
    """A server that has the original interface only."""
    running = service.Server(original=True).start()
    yield running
    running.stop()


@pytest.fixture
def client(server):
    with AmbientClient(server.url, service.TOKEN, "demo", retry=QUICK) as client:
        yield client


@pytest.fixture
def guest(original):
    """A client of the original."""
    with AmbientClient(original.url, service.TOKEN, "demo", retry=QUICK) as client:
        yield client


@pytest.fixture
async def async_client(server):
    async with AsyncAmbientClient(server.url, service.TOKEN, "demo", retry=QUICK) as client:
        yield client
