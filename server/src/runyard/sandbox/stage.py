"""The way into a sandbox without bubblewrap, run as a program of its own: `python -I -S stage.py FD`.

Imports a few standard modules and nothing of ours, to start fast. Reads its orders (JSON, see `staged.py`)
from the file descriptor. "namespaces" builds the same view as bubblewrap out of new user, mount, pid, ipc,
uts and network namespaces. "plain" only sees to it that no descendant outlives this process.
"""

# Thin names over system calls; pathlib would double the start-up time.
# ruff: noqa: D102, D103, PTH102, PTH103, PTH110, PTH112, PTH120, PTH123, PTH211, S108, S606

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NoReturn

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
    0x02000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 0x1, 0x2, 0x4
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 22, 24, 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
SECCOMP_MODE_FILTER = 2
SYS_MOUNT_SETATTR = 442  # the same on every architecture
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPABILITY_VERSION_3 = 0x20080522
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

OLD, NEW = "/old", "/new"


class Report:
    """Tells the parent, one JSON object a line."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, **facts: object) -> None:
        os.write(self._fd, json.dumps(facts).encode() + b"\n")

    def close(self) -> None:
        os.close(self._fd)


def main() -> NoReturn:
    with open(int(sys.argv[1]), "rb") as file:
        orders: dict[str, Any] = json.load(file)
    report = Report(orders["report"])
    os.set_inheritable(orders["report"], False)
    parent = orders["parent"]
    try:
        if orders["mode"] == "namespaces":
            die_with(parent, signal.SIGKILL)
            enter(orders, report)
        die_with(parent, signal.SIGTERM)
        stay(orders, report)
    except OSError as error:
        report(error=f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}")
        os._exit(1)


# --- "namespaces" ---


def enter(orders: dict[str, Any], report: Report) -> NoReturn:
    """Outside: make the namespaces, and wait for the first process in them."""
    euid, egid = os.geteuid(), os.getegid()
    flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    if not orders["network"]:
        flags |= CLONE_NEWNET
    check(_libc.unshare(flags), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{orders['uid']} {euid} 1")
    write("/proc/self/gid_map", f"{orders['gid']} {egid} 1")
    outside = os.getpid()
    first = os.fork()
    if first == 0:
        try:
            die_with(outside, signal.SIGKILL, namespaced=True)
            os.setsid()
            build(orders)
            confine(orders["seccomp"])
        except OSError as error:
            report(error=f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}")
            os._exit(1)
        report.close()  # the command shares our user id and could write to it through /proc
        serve_as_init(orders)
    report(**{"child-pid": first, "group": first})
    _, status = os.waitpid(first, 0)
    if os.WIFEXITED(status):
        report(**{"exit-code": os.WEXITSTATUS(status)})
    os._exit(0)


def serve_as_init(orders: dict[str, Any]) -> NoReturn:
    """As process 1: run the command, reap what it leaves; our end is the end of everything in here."""
    child = os.fork()
    if child == 0:
        become(orders)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os._exit(exit_code(status))


def build(orders: dict[str, Any]) -> None:
    """Turns a new mount namespace into the view: an empty root, filled step by step from the old one."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV)
    os.mkdir("/tmp" + OLD)
    os.mkdir("/tmp" + NEW)
    pivot_root("/tmp", "/tmp" + OLD)
    os.chdir("/")
    mount("tmpfs", NEW, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=0755")
    os.umask(0)
    for step in orders["steps"]:
        STEPS[step["kind"]](step)
    os.umask(0o022)
    check(_libc.umount2(OLD.encode(), MNT_DETACH), "umount2", OLD)
    os.chdir(NEW)
    pivot_root(".", ".")
    check(_libc.umount2(b".", MNT_DETACH), "umount2", "/")
    os.chdir("/")
    check(_libc.sethostname(orders["hostname"].encode(), len(orders["hostname"])), "sethostname")
    if not orders["network"]:
        loopback_up()


def bind(step: dict[str, Any]) -> None:
    source, target = OLD + step["source"], NEW + step["target"]
    place(target, folder=os.path.isdir(source))
    mount(source, target, "", MS_BIND | MS_REC)
    restrict(target, ATTR_NOSUID | ATTR_NODEV | (0 if step["writable"] else ATTR_RDONLY), AT_RECURSIVE)


def symlink(step: dict[str, Any]) -> None:
    os.makedirs(os.path.dirname(NEW + step["path"]), mode=0o755, exist_ok=True)
    os.symlink(step["target"], NEW + step["path"])


def file(step: dict[str, Any]) -> None:
    place(NEW + step["path"], folder=False)
    write(NEW + step["path"], step["text"])


def scratch(step: dict[str, Any]) -> None:
    place(NEW + step["path"], folder=True)
    mount("tmpfs", NEW + step["path"], "tmpfs", MS_NOSUID | MS_NODEV, f"size={step['size']},mode=0700")


def processes(step: dict[str, Any]) -> None:
    path = NEW + step["path"]
    place(path, folder=True)
    mount("proc", path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    write(f"{path}/sys/user/max_user_namespaces", "0")


def devices(step: dict[str, Any]) -> None:
    path = NEW + step["path"]
    place(path, folder=True)
    mount("tmpfs", path, "tmpfs", MS_NOSUID, "size=1m,mode=0755")
    for name in DEVICES:
        place(f"{path}/{name}", folder=False)
        mount(f"{OLD}/dev/{name}", f"{path}/{name}", "", MS_BIND)
    os.mkdir(f"{path}/shm")
    os.mkdir(f"{path}/pts")
    mount("devpts", f"{path}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", f"{path}/ptmx")
    os.symlink("/proc/self/fd", f"{path}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{path}/{name}")


def seal(step: dict[str, Any]) -> None:
    restrict(NEW + step["path"], ATTR_RDONLY, 0)


STEPS: dict[str, Callable[[dict[str, Any]], None]] = {
    "Bind": bind,
    "Symlink": symlink,
    "File": file,
    "Scratch": scratch,
    "Processes": processes,
    "Devices": devices,
    "Seal": seal,
}


def place(path: str, *, folder: bool) -> None:
    """An empty folder or file to mount on."""
    if folder:
        os.makedirs(path, mode=0o755, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(device, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(device, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def confine(program: str | None) -> None:
    """Gives up every capability for good, then filters system calls."""
    check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl")
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        check(_libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl")
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    check(_libc.capset(header, bytes(24)), "capset")
    if program is not None:
        filters = ctypes.create_string_buffer(bytes.fromhex(program))
        count = len(bytes.fromhex(program)) // 8
        described = struct.pack("@HP", count, ctypes.addressof(filters))
        check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(described), 0, 0), "prctl")


# --- "plain" ---


def stay(orders: dict[str, Any], report: Report) -> NoReturn:
    """Run the command here; when it has ended, or we are told to (SIGTERM), end all its descendants."""
    # Orphans come to us instead of to process 1, so that none gets away.
    check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    watched = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, watched)
        os.setpgid(0, 0)
        become(orders)
    with suppress(PermissionError):  # the child was faster, and is past the point where we may
        os.setpgid(child, child)
    report(**{"child-pid": os.getpid(), "group": child})
    code = None
    while code is None:
        if signal.sigwait(watched) == signal.SIGTERM:
            break
        for pid, status in reap():
            if pid == child:
                code = exit_code(status)
    while end_children():
        signal.sigtimedwait({signal.SIGCHLD}, 0.1)
        for pid, status in reap():
            if pid == child and code is None:
                code = exit_code(status)
    if code is not None:
        report(**{"exit-code": code})
    os._exit(0)


def reap() -> Iterable[tuple[int, int]]:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def end_children() -> bool:
    """Kills our children; theirs become ours and are killed the next time. False when there are none left."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(children)


# --- both ---


def become(orders: dict[str, Any]) -> NoReturn:
    """Turns this process into the command."""
    try:
        for name, value in orders["limits"].items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and programs inherit that
            signal.signal(number, signal.SIG_DFL)
        os.chdir(orders["cwd"])
        os.execvpe(orders["argv"][0], orders["argv"], orders["env"])
    except OSError as error:
        os.write(2, f"cannot run {orders['argv'][0]!r} in {orders['cwd']!r}: {error.strerror}\n".encode())
        os._exit(127)


def die_with(parent: int, number: signal.Signals, *, namespaced: bool = False) -> None:
    check(_libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0), "prctl")
    # In a new pid namespace the parent has no number: 0. Otherwise, another number means that it died before.
    if os.getppid() != (0 if namespaced else parent):
        os._exit(1)


def exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode())
    check(result, "mount", target.removeprefix(NEW))


def restrict(target: str, attributes: int, flags: int) -> None:
    """Adds to the mount's attributes, with everything mounted below it if asked (Linux 5.12)."""
    settings = struct.pack("=QQQQ", attributes, 0, 0, 0)
    result = _libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, target.encode(), flags, settings, len(settings))
    check(result, "mount_setattr", target.removeprefix(NEW))


def pivot_root(new: str, old: str) -> None:
    number = SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"pivot_root is not known on {os.uname().machine}")
    check(_libc.syscall(number, new.encode(), old.encode()), "pivot_root")


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def check(result: int, call: str, path: str = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}", path or None)


if __name__ == "__main__":
    main()
