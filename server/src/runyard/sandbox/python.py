"""What a Python program of ours must see in the sandbox, and the two pipes by which we talk to it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Final

from runyard.sandbox.command import Mount

ORDERS, REPORTS = "orders", "reports"

_DEADLINE: Final = 60.0
_SYSTEM: Final = ("/usr/", "/bin/", "/lib")
"""In every sandbox anyway."""


def python_environment() -> dict[str, str]:
    """Variables by which a Python program finds its modules wherever it is started. Blocks."""
    return {"PYTHONPATH": os.pathsep.join(_paths()), "PYTHONDONTWRITEBYTECODE": "1"}


def python_mounts() -> list[Mount]:
    """This Python itself, its base, and every place of modules. Blocks."""
    return [Mount(source=Path(folder), target=folder) for folder in _folders()]


@asynccontextmanager
async def pipes(folder: Path) -> AsyncIterator[tuple[asyncio.WriteTransport, asyncio.StreamReader]]:
    """Both ends that are ours of the pipes in a folder: orders go out, reports come in.

    Each pipe has its other end open here, too: so opening waits for nobody, and an end of the process is seen by its
    exit alone.
    """
    loop = asyncio.get_running_loop()
    ends = {}
    for name in (ORDERS, REPORTS):
        os.mkfifo(folder / name)
        (folder / name).chmod(0o666)
        reading = os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK)
        ends[name] = reading, os.open(folder / name, os.O_WRONLY | os.O_NONBLOCK)
    spare_reading, sending = ends[ORDERS]
    receiving, spare_sending = ends[REPORTS]
    reader = asyncio.StreamReader()
    outgoing, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(sending, "wb", buffering=0))
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(receiving, "rb", buffering=0)
    )
    try:
        yield outgoing, reader
    finally:
        outgoing.abort()
        incoming.close()
        os.close(spare_reading)
        os.close(spare_sending)


@cache
def _paths() -> tuple[str, ...]:
    """Where a program started anywhere finds its modules: editable installs too, never the current folder."""
    asked = subprocess.run(
        [sys.executable, "-P", "-c", "import json, sys; print(json.dumps(sys.path))"],
        cwd="/", capture_output=True, check=True, timeout=_DEADLINE,
    )  # fmt: skip
    return tuple(path for path in json.loads(asked.stdout) if Path(path).is_dir())


@cache
def _folders() -> tuple[str, ...]:
    """The outermost folders only."""
    places = {sys.prefix, sys.base_prefix, *_paths(), str(Path(sys.executable).resolve().parent.parent)}
    chosen: list[str] = []
    for place in sorted(str(Path(place).absolute()) for place in places):
        if not place.startswith(_SYSTEM) and not any(place == one or place.startswith(f"{one}/") for one in chosen):
            chosen.append(place)
    return tuple(chosen)
