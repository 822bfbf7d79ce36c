"""Every sandbox this machine has, and a way to run Python in it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runyard.sandbox import Command, Exit, Limits, Mount, Sandbox, SandboxUnavailable, probe

DEADLINE = 30.0
PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Outcome:
    exit: Exit
    output: bytes

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")


Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture(params=["bubblewrap", "unshare"])
def isolated(request: pytest.FixtureRequest) -> Sandbox:
    return available(request.param)


@pytest.fixture(params=["bubblewrap", "unshare", "none"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return available(request.param)


def available(name: str) -> Sandbox:
    if not Path(PYTHON).exists():
        pytest.skip(f"the tests' commands run on {PYTHON}")
    try:
        return probe(name)  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


async def run(
    sandbox: Sandbox,
    program: str,
    *,
    workspace: Path | None = None,
    writable: bool = True,
    env: dict[str, str] | None = None,
    network: bool = False,
    **limits: float | None,
) -> Outcome:
    mounts = () if workspace is None else (Mount(source=workspace, target=str(workspace), writable=writable),)
    command = Command(
        argv=(PYTHON, "-u", "-c", program),
        cwd="/tmp" if workspace is None else str(workspace),
        env=env or {},
        mounts=mounts,
        network=network,
        limits=Limits(**{"wall": DEADLINE, **limits}),  # type: ignore[arg-type]
    )
    return await run_command(sandbox, command)


async def run_command(sandbox: Sandbox, command: Command) -> Outcome:
    output = bytearray()
    async with asyncio.timeout(2 * DEADLINE), sandbox.start(command) as process:
        async for chunk in process.output():
            assert len(chunk) <= 64 * 1024
            output += chunk
        return Outcome(await process.wait(), bytes(output))


async def until(output: AsyncIterator[bytes], text: bytes) -> None:
    """Reads until `text` has been printed; a line may come in pieces."""
    read = b""
    async with asyncio.timeout(DEADLINE):
        while text not in read:
            read += await anext(output)


async def gone(marker: str) -> None:
    """Waits until no process has `marker` on its command line or in its environment; fails at the deadline."""
    async with asyncio.timeout(DEADLINE):
        while alive := list(marked(marker)):
            for pid in alive:
                await ended(pid)


def marked(marker: str) -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command_line = Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in command_line:
                yield int(entry.name)


async def ended(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


SUPERVISOR = str(Path(__file__).parent / "supervisor.py")
SOURCES = os.pathsep.join(path for path in sys.path if path.endswith("/src"))
