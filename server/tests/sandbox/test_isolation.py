"""What a sandboxed command cannot see, touch or keep."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runyard.sandbox import Command, Mount, Sandbox, SandboxError

from .conftest import PYTHON, run, run_command, until


async def test_no_network_unless_asked(isolated: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5); print('in')"
        assert "ConnectionRefusedError" in (await run(isolated, program)).text
        assert (await run(isolated, program, network=True)).text == "in\n"


async def test_its_own_loopback_works(isolated: Sandbox) -> None:
    program = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5)
print("connected", [name for _, name in socket.if_nameindex()])"""
    assert (await run(isolated, program)).text == "connected ['lo']\n"


async def test_files_outside_are_not_there(isolated: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not read")
    program = f"""
import os
print(os.path.exists({str(secret)!r}), os.path.exists({str(Path.cwd())!r}), os.path.exists({str(Path.home())!r}))
print(sorted(os.listdir("/")))
print(os.path.exists("/run"), os.path.exists("/var/lib"), os.listdir("/home"))"""
    lines = (await run(isolated, program)).text.splitlines()
    assert lines[0] == "False False False"
    assert not {"root", "work", "srv", "mnt", "sys", "boot", "run"} & set(eval(lines[1]))
    assert lines[2] == "False False ['runner']"


async def test_the_host_root_cannot_be_reached_through_proc(isolated: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not read")
    program = f"""
import os
print([pid for pid in os.listdir("/proc") if pid.isdigit() and os.path.exists(f"/proc/{{pid}}/root{secret}")])"""
    assert (await run(isolated, program)).text == "[]\n"


async def test_read_only_mounts_and_the_system_cannot_be_written(isolated: Sandbox, workspace: Path) -> None:
    program = """
import os
for path in (os.getcwd(), "/", "/usr", "/usr/bin", "/etc", "/dev", "/proc/sys/kernel", "/proc"):
    try:
        open(path + "/written", "w")
        print(path, "could be written")
    except OSError:
        pass
for path in ("/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/user/max_user_namespaces"):
    try:
        open(path, "r+").close()
        print(path, "could be opened to write")
    except OSError:
        pass"""
    outcome = await run(isolated, program, workspace=workspace, writable=False)
    assert outcome.text == ""
    assert list(workspace.iterdir()) == []


async def test_writable_mounts_and_scratch_can_be_written(isolated: Sandbox, workspace: Path) -> None:
    program = """
import os, tempfile, multiprocessing
open("kept", "w").write("text")
open(os.path.expanduser("~/home"), "w")
tempfile.NamedTemporaryFile()
multiprocessing.Lock()
print("done")"""
    assert (await run(isolated, program, workspace=workspace)).text == "done\n"
    assert (workspace / "kept").read_text() == "text"
    assert (workspace / "kept").stat().st_uid == os.geteuid()


async def test_a_mount_may_stand_anywhere(isolated: Sandbox, workspace: Path) -> None:
    (workspace / "file").write_text("here")
    mounts = (
        Mount(source=workspace, target="/opt/project"),
        Mount(source=workspace / "file", target="/root/deep/name"),
    )
    argv = ("/bin/sh", "-c", "cat file /root/deep/name")
    outcome = await run_command(isolated, Command(argv=argv, cwd="/opt/project", mounts=mounts))
    assert outcome.text == "herehere"


async def test_other_processes_are_neither_seen_nor_signalled(isolated: Sandbox) -> None:
    program = f"""
import os
print(len([pid for pid in os.listdir("/proc") if pid.isdigit()]) <= 3)
try:
    os.kill({os.getpid()}, 0)
    print("seen")
except ProcessLookupError:
    print("no such process")"""
    assert (await run(isolated, program)).text == "True\nno such process\n"


async def test_there_are_no_capabilities_and_no_way_to_more(isolated: Sandbox) -> None:
    program = """
import ctypes, os
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(*(status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")))
libc = ctypes.CDLL(None, use_errno=True)
for flags in (0x10000000, 0x10020000):
    print(libc.unshare(flags), end=" ")
print(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.chroot(b"/tmp"), os.getuid(), os.getgid())"""
    lines = (await run(isolated, program)).text.splitlines()
    assert lines == ["0000000000000000 " * 4 + "1 2", "-1 -1 -1 -1 1000 1000"]


async def test_terminals_and_keyrings_are_refused(isolated: Sandbox) -> None:
    program = """
import ctypes, fcntl, pty, socket
main, other = pty.openpty()
try:
    fcntl.ioctl(other, 0x5412, b"x")
except PermissionError:
    print("no typing")
print(ctypes.CDLL(None).syscall(250, 0, -3, 0))
try:
    socket.socket(40, socket.SOCK_STREAM)
except OSError as error:
    print(error.errno)"""
    assert (await run(isolated, program)).text == "no typing\n-1\n97\n"


async def test_the_environment_is_clean(isolated: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNYARD_SECRET", "hidden-value")
    program = """
import os
print(sorted(os.environ), os.environ["GIVEN"])
for pid in os.listdir("/proc"):
    if pid.isdigit() and b"hidden" in open(f"/proc/{pid}/environ", "rb").read():
        print("leaks from", pid)
print([number for number in os.listdir("/proc/self/fd") if int(number) > 3])"""
    lines = (await run(isolated, program, env={"GIVEN": "with = and ü"})).text.splitlines()
    names = set(eval(lines[0].partition("] ")[0] + "]"))
    assert names <= {"GIVEN", "HOME", "LANG", "LC_CTYPE", "LOGNAME", "PATH", "PWD", "TMPDIR", "USER"}
    assert lines[0].endswith("with = and ü")
    assert lines[1:] == ["[]"]


async def test_environment_values_are_on_no_command_line(sandbox: Sandbox) -> None:
    command = Command(argv=("/bin/cat", "/proc/1/cmdline"), env={"TOKEN": "secret-token-value"})
    assert "secret-token-value" not in repr(command)
    async with sandbox.start(Command(argv=("/bin/sh", "-c", "echo up; exec sleep 60"), env=command.env)) as process:
        await until(process.output(), b"up\n")
        lines = b"".join(command_lines())
    assert b"secret-token-value" not in lines


async def test_a_missing_mount_is_an_error_that_names_it(sandbox: Sandbox, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    command = Command(argv=("/bin/true",), mounts=(Mount(source=missing, target=str(missing)),))
    with pytest.raises(SandboxError, match=str(missing)):
        await run_command(sandbox, command)


async def test_a_missing_program_is_told(sandbox: Sandbox) -> None:
    command = Command(argv=("/no/such/program",))
    outcome = await run_command(sandbox, command)
    assert outcome.exit.code == 127
    assert "/no/such/program" in outcome.text


async def test_without_isolation_a_mount_elsewhere_is_refused(workspace: Path) -> None:
    from .conftest import available

    command = Command(argv=("/bin/true",), mounts=(Mount(source=workspace, target="/opt/project"),))
    with pytest.raises(SandboxError, match="/opt/project"):
        await run_command(available("none"), command)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("name", ["bubblewrap", "unshare"])
async def test_it_works_for_an_ordinary_user(name: str) -> None:
    import asyncio

    from .conftest import SOURCES, SUPERVISOR

    if sys.version_info[:2] < (3, 11) or not Path(PYTHON).exists():
        pytest.skip("needs a Python that an ordinary user can read")
    program = f"import os; print(os.getuid(), os.path.exists({__file__!r}), len(os.listdir('/proc')) > 3)"
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PYTHON, SUPERVISOR, name, program),
        env={"PYTHONPATH": SOURCES, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert output.decode() == "1000 False True\nexit 0\n"


def command_lines() -> Iterator[bytes]:
    """Those of every process that is there while it is looked at."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield path.read_bytes()
