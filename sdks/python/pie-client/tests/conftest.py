"""Servers of both kinds, and clients of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

from pie import PieClient
from pie.sync import PieClient as SyncClient


def _load(name):
    spec = importlib.util.spec_from_file_location(f"pie_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_load("waiting")
_load("programs")
pie_server = _load("server")


@pytest.fixture
def pies():
    """The module of the test server."""
    return pie_server


@pytest.fixture
def server():
    running = pie_server.Server().start()
    yield running
    running.stop()


@pytest.fixture
def original():
    """A server that behaves like the original."""
    running = pie_server.Server(ours=False).start()
    yield running
    running.stop()


@pytest.fixture
async def client(server):
    async with PieClient(server.url, timeout=10, reconnect=10) as client:
        await client.authenticate("alice")
        yield client


@pytest.fixture
async def guest(original):
    """A client of the original."""
    async with PieClient(original.url, timeout=10, reconnect=10) as client:
        await client.authenticate("alice")
        yield client


@pytest.fixture
def sync_client(server):
    with SyncClient(server.url, timeout=10, reconnect=10) as client:
        client.authenticate("alice")
        yield client
