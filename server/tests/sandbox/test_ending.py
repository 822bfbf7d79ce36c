"""Nothing a command starts outlives it, nor the program that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid

import pytest

from runyard.sandbox import Command, Limits, Sandbox, bubblewrap

from .conftest import PYTHON, SOURCES, SUPERVISOR, gone, marked, run, until

DAEMON = """
import os, sys, subprocess
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", "{marker}"], start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""


@pytest.fixture
def marker() -> str:
    return f"marker-{uuid.uuid4()}"


async def test_output_and_end_are_given_together(sandbox: Sandbox) -> None:
    outcome = await run(sandbox, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (outcome.text, outcome.exit.code) == ("out\nerr\n", 3)


async def test_bytes_arrive_as_printed(sandbox: Sandbox) -> None:
    program = "import sys; sys.stdout.buffer.write(bytes(range(256)) + b'x' * 300_000)"
    assert (await run(sandbox, program)).output == bytes(range(256)) + b"x" * 300_000


async def test_wait_alone_drops_the_output(sandbox: Sandbox) -> None:
    command = Command(argv=(PYTHON, "-c", "print('x' * 1_000_000)"), limits=Limits(wall=30))
    async with sandbox.start(command) as process:
        assert (await process.wait()).code == 0


async def test_a_daemon_ends_with_the_command(sandbox: Sandbox, marker: str) -> None:
    outcome = await run(sandbox, DAEMON.format(marker=marker))
    assert outcome.exit.code == 0
    assert list(marked(marker)) == []


async def test_leaving_the_context_ends_everything(sandbox: Sandbox, marker: str) -> None:
    program = DAEMON.format(marker=marker) + "print('up', flush=True)\nimport signal; signal.pause()"
    async with sandbox.start(Command(argv=(PYTHON, "-u", "-c", program))) as process:
        await until(process.output(), b"up\n")
        assert list(marked(marker))
    assert list(marked(marker)) == []


async def test_cancelling_the_task_ends_everything(sandbox: Sandbox, marker: str) -> None:
    up = asyncio.Event()

    async def work() -> None:
        program = DAEMON.format(marker=marker) + "print('up', flush=True)\nimport signal; signal.pause()"
        async with sandbox.start(Command(argv=(PYTHON, "-u", "-c", program))) as process:
            async for _ in process.output():
                up.set()

    task = asyncio.create_task(work())
    await asyncio.wait_for(up.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(marked(marker)) == []


async def test_terminate_lets_a_command_clean_up(sandbox: Sandbox) -> None:
    program = """
import signal, sys
def end(*_):
    print("cleaned up", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
signal.pause()"""
    async with sandbox.start(Command(argv=(PYTHON, "-u", "-c", program))) as process:
        output = process.output()
        await until(output, b"up\n")
        await process.terminate()
        await until(output, b"cleaned up\n")
        assert (await process.wait()).code == 7


async def test_terminate_kills_a_command_that_ignores_it(sandbox: Sandbox, marker: str) -> None:
    program = DAEMON.format(marker=marker) + (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
        "while True: signal.pause()"
    )
    limits = Limits(wall=30, grace=0.1)
    async with sandbox.start(Command(argv=(PYTHON, "-u", "-c", program), limits=limits)) as process:
        await until(process.output(), b"up\n")
        await process.terminate()
        assert (await process.wait()).code == -signal.SIGKILL
        assert list(marked(marker)) == []


@pytest.mark.kill
@pytest.mark.parametrize("name", ["bubblewrap", "unshare", "none"])
async def test_killing_the_supervisor_leaves_nothing_behind(name: str, marker: str) -> None:
    from .conftest import available

    available(name)
    program = DAEMON.format(marker=marker) + f"print('up {marker}', flush=True)\nimport signal; signal.pause()"
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, SUPERVISOR, name, program),
        env={"PYTHONPATH": SOURCES, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    line = await asyncio.wait_for(supervisor.stdout.readline(), 30)
    assert line.startswith(b"up")
    assert list(marked(marker))
    supervisor.kill()
    await supervisor.wait()
    await gone(marker)


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_started_for_somebody_who_has_gone(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """The moment between our end and bwrap's wish to end with us, as what it leads to: another parent."""
    if not there:
        monkeypatch.setattr(os, "getpid", lambda: 1)
    with bubblewrap.launch(Command(argv=(PYTHON, "-c", "print('ran')")), bwrap="/bin/echo") as launch:
        done = subprocess.run(launch.argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode == 0, "--args" in done.stdout) == (there, there)


async def test_many_at_once(sandbox: Sandbox) -> None:
    outcomes = await asyncio.gather(*(run(sandbox, f"print({number})") for number in range(8)))
    assert [outcome.text for outcome in outcomes] == [f"{number}\n" for number in range(8)]


async def test_no_file_descriptor_is_left_open(sandbox: Sandbox) -> None:
    await run(sandbox, "pass")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await run(sandbox, "print('x')")
    assert len(os.listdir("/proc/self/fd")) <= before
