"""An embedded Postgres of one's own, to be killed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.database.embedded import EmbeddedPostgres
from runyard.testing.running import wait_until


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder the server's account can reach; whatever runs in it is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for home in folder.rglob("postgres"):
            if (home / "data").is_dir():
                server = EmbeddedPostgres(home.parent)
                if (pid := server.pid()) is not None:
                    os.kill(pid, signal.SIGQUIT)
                    wait_until(lambda server=server: server.pid() is None, "the server to end")
                shutil.rmtree(server.socket_dir, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server's home as it is after its first start: copying it saves every test the making of a cluster."""
    folder = Path(tempfile.mkdtemp(prefix="runyard-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder)
    server.acquire()
    server.release()
    yield server.home
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ready_dir(data_dir: Path, template: Path) -> Path:
    """A data folder in which a server has run before."""
    shutil.copytree(template, data_dir / "postgres")
    status = template.stat()
    for path in (data_dir / "postgres", *(data_dir / "postgres").rglob("*")):
        os.chown(path, status.st_uid, status.st_gid)
    return data_dir
