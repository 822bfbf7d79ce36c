"""Each limit ends the command, and its exit says which limit and how much."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from runyard.sandbox import Command, Limits, Sandbox, cgroups

from .conftest import PYTHON, run


async def test_wall_time(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "print('up', flush=True); import signal; signal.pause()", wall=0.3)
    assert outcome.exit.limit == "wall"
    assert outcome.exit.message == "The command ran for more than 0.3 s."
    assert outcome.exit.code == -signal.SIGTERM


async def test_silence(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "print('up'); import signal; signal.pause()", silence=0.3)
    assert (outcome.text, outcome.exit.limit) == ("up\n", "silence")
    assert outcome.exit.message == "The command printed nothing for 0.3 s."


async def test_a_slow_reader_is_not_taken_for_silence(sandbox: Sandbox) -> None:
    command = Command(argv=(PYTHON, "-c", "print('x' * 10_000_000)"), limits=Limits(silence=0.6, wall=30))
    read = 0
    async with sandbox.start(command) as process:
        async for chunk in process.output():
            if read == 0:
                await asyncio.to_thread(busy, 1.0)  # the reader's own work, not a wait of the test's
            read += len(chunk)
        assert (await process.wait()).limit is None
    assert read == 10_000_001


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_memory_of_the_whole_tree(sandbox: Sandbox) -> None:
    program = """
import os, signal
for _ in range(4):
    if os.fork() == 0:
        hog = bytearray(os.urandom(1 << 20)) * 40
        signal.pause()
signal.pause()"""
    outcome = await run(sandbox, program, memory=100 << 20)
    assert outcome.exit.limit == "memory"
    assert outcome.exit.message is not None
    assert outcome.exit.message.endswith("MiB of memory; the limit is 100 MiB.")


async def test_shared_memory_counts_once(sandbox: Sandbox) -> None:
    program = """
import os
hog = bytearray(os.urandom(1 << 20)) * 60
ready, go = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.read(ready, 1)
        os._exit(0)
import time; time.sleep(0.6)
os.write(go, b"xxxx")
print("done")"""
    outcome = await run(sandbox, program, memory=130 << 20)
    assert (outcome.text, outcome.exit.limit) == ("done\n", None)


async def test_too_many_processes(sandbox: Sandbox) -> None:
    """Above the limit, below the ceiling at which the kernel refuses."""
    program = """
import os, signal
for _ in range(100):
    if os.fork() == 0:
        signal.pause()
signal.pause()"""
    outcome = await run(sandbox, program, processes=60)
    assert outcome.exit.limit == "processes"
    assert "60 processes" in (outcome.exit.message or "")


@pytest.mark.skipif(os.geteuid() == 0 and cgroups.find() is None, reason="nothing here would stop a real bomb")
async def test_fork_bomb(isolated: Sandbox) -> None:
    program = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    outcome = await run(isolated, program, processes=60)
    assert outcome.exit.limit == "processes"


async def test_threads_count_as_processes(sandbox: Sandbox) -> None:
    program = """
import threading
event = threading.Event()
for _ in range(80):
    threading.Thread(target=event.wait).start()"""
    assert (await run(sandbox, program, processes=60)).exit.limit == "processes"


async def test_one_file_too_large(sandbox: Sandbox, workspace: Path) -> None:
    program = "open('big', 'wb').write(bytes(3 << 20))"
    outcome = await run(sandbox, program, workspace=workspace, file_size=1 << 20)
    assert outcome.exit.limit == "file_size"
    assert outcome.exit.message == "The command tried to make the file 'big' larger than 1 MiB, which is the limit."
    assert (workspace / "big").stat().st_size == 1 << 20


async def test_disk_filled_by_many_small_files(sandbox: Sandbox, workspace: Path) -> None:
    program = """
import itertools
for number in itertools.count():
    open(f"file{number}", "w").close()"""
    outcome = await run(sandbox, program, workspace=workspace, disk=4 << 20)
    assert outcome.exit.limit == "disk"
    assert outcome.exit.message == "The command used more than 4 MiB of disk, which is the limit."


async def test_endless_output_is_held_back_by_its_reader(sandbox: Sandbox) -> None:
    command = Command(argv=("/usr/bin/yes",), limits=Limits(wall=30))
    async with sandbox.start(command) as process:
        async for chunk in process.output():
            assert len(chunk) <= 64 * 1024
            break
        await process.terminate()
        assert (await process.wait()).code in (-signal.SIGTERM, -signal.SIGKILL)


async def test_no_core_files(sandbox: Sandbox, workspace: Path) -> None:
    outcome = await run(sandbox, "import os; os.abort()", workspace=workspace)
    assert outcome.exit.code == -signal.SIGABRT
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("code", [0, 1, 5, 127])
async def test_the_exit_code_is_the_commands_own(sandbox: Sandbox, code: int) -> None:
    exit_ = (await run(sandbox, f"raise SystemExit({code})")).exit
    assert (exit_.code, exit_.limit, exit_.message) == (code, None, None)


@pytest.mark.skipif(cgroups.find() is None, reason="control groups can't be made here")
async def test_what_a_killed_yard_left_behind_is_ended() -> None:
    """A group whose maker is gone is emptied, then removed."""
    parent = cgroups.find()
    assert parent is not None
    orphan = await asyncio.create_subprocess_exec("sleep", "100")
    mine = cgroups._make(parent, 8)
    left = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-999999999-"))
    left.mkdir()
    (left / "cgroup.procs").write_text(str(orphan.pid))
    for group in (mine, left):
        os.utime(group, (0, 0))
    cgroups._remove_stale(parent)
    assert await asyncio.wait_for(orphan.wait(), 10) == -signal.SIGKILL
    cgroups._remove_stale(parent)
    assert not left.exists()
    mine.mkdir(exist_ok=True)
    mine.rmdir()
