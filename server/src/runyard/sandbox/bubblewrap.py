"""The first choice: bubblewrap (bwrap), which Flatpak uses for the same purpose."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from runyard.sandbox import seccomp
from runyard.sandbox.command import Command
from runyard.sandbox.errors import SandboxUnavailable
from runyard.sandbox.launch import Inheritance, Launch, inheritance, resource_limits
from runyard.sandbox.view import (
    GID,
    HOSTNAME,
    UID,
    Bind,
    Devices,
    File,
    Processes,
    Scratch,
    Seal,
    Step,
    Symlink,
    environment,
    steps,
)

NAME = "bubblewrap"

GUARD = (
    "/usr/bin/setpriv", "--pdeathsig", "KILL", "--", "/bin/sh", "-c", 'test "$PPID" = "$0" && exec "$@"',
)  # fmt: skip
"""What starts bwrap: it ends with us from the first moment on, even if we end before it can ask for that itself."""

INSTALL = "install it with `apt install bubblewrap`"


def find() -> str:
    """Where bwrap is. Raises SandboxUnavailable."""
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxUnavailable(f"bwrap is not installed: {INSTALL}")
    return path


@contextmanager
def launch(command: Command, *, bwrap: str) -> Iterator[Launch]:
    """Ready to be started: the command in bubblewrap."""
    with inheritance() as inherited:
        options = _options(command, inherited, features=_features(bwrap))
        # The options go through a file: environment values must not be seen in the process list.
        arguments = inherited.text("arguments", b"".join(option.encode() + b"\0" for option in options))
        # Set inside, where the user namespace has begun: outside, the user's other processes would count.
        limits = resource_limits(command.limits, own_count=True)
        prlimit = ["/usr/bin/prlimit", *(f"--{name}={value}" for name, value in limits.items()), "--"]
        yield Launch(
            argv=(*GUARD, str(os.getpid()), bwrap, "--args", str(arguments), "--", *prlimit, *command.argv),
            inherit=tuple(inherited.fds),
            status=inherited.status,
        )


def _options(command: Command, inherited: Inheritance, *, features: frozenset[str]) -> list[str]:
    options = ["--unshare-all", "--unshare-user", "--uid", str(UID), "--gid", str(GID)]
    options += ["--hostname", HOSTNAME]
    if command.network:
        options.append("--share-net")
    if "--disable-userns" in features:
        options.append("--disable-userns")
    options += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    options += ["--json-status-fd", str(inherited.report)]
    program = seccomp.program()
    if program is not None:
        options += ["--seccomp", str(inherited.text("seccomp", program))]
    for step in steps(command):
        options += _step(step, inherited, sized="--size" in features)
    for name, value in environment(command).items():
        options += ["--setenv", name, value]
    return [*options, "--chdir", command.cwd]


def _step(step: Step, inherited: Inheritance, *, sized: bool) -> list[str]:  # noqa: PLR0911 -- one per step
    match step:
        case Bind(source, target, writable):
            return ["--bind" if writable else "--ro-bind", source, target]
        case Symlink(target, path):
            return ["--symlink", target, path]
        case File(path, text):
            return ["--ro-bind-data", str(inherited.text("file", text.encode())), path]
        case Scratch(path, size):
            size_option = ["--size", str(size)] if sized else []
            return ["--perms", "0700", *size_option, "--tmpfs", path]
        case Processes(path):
            return ["--proc", path]
        case Devices(path):
            return ["--dev", path]
        case Seal(path):
            return ["--remount-ro", path]


@functools.cache
def _features(bwrap: str) -> frozenset[str]:
    """Which newer options this bwrap has (0.8: --disable-userns; 0.7: --size)."""
    text = subprocess.run([bwrap, "--help"], capture_output=True, text=True, timeout=10, check=False).stdout
    return frozenset({"--disable-userns", "--size"} & set(text.split()))
