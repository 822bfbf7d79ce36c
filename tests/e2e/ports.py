"""The yard's default ports, for programs that name none."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from runyard.testing.running import wait_until


@contextmanager
def alone(*ports: int) -> Iterator[None]:
    """The ports are ours: waits for other runs of these tests, and skips them when another program has one."""
    with (Path(tempfile.gettempdir()) / f"runyard-default-ports-{os.geteuid()}.lock").open("a") as lock:
        wait_until(lambda: _locked(lock), "other tests on the default ports to end", seconds=280)
        for port in ports:
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                pytest.skip(f"port {port}, on which these blocks rely, is taken by something else: {error.strerror}")
        yield


def _locked(lock: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
