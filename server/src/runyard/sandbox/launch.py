"""How a sandbox is started from outside: a command line, the files it inherits, and the pipe it reports on.

A launcher reports JSON lines: `{"child-pid": N}` once there is a tree, with `"group"` where the process
group to ask first has another number; `{"exit-code": N}` when the command has ended by itself;
`{"error": text}` when the sandbox could not be built.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import takewhile

from runyard.sandbox.command import Command, Limits
from runyard.sandbox.view import OPEN_FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A command line that starts a sandbox, and our side of it."""

    argv: tuple[str, ...]
    inherit: tuple[int, ...]
    """File descriptors the launcher needs."""
    status: int
    """The end of the status pipe that is ours to read; the reader closes it."""
    ending: signal.Signals = signal.SIGKILL
    """The signal that, sent to `child-pid`, ends the whole tree."""


Launcher = Callable[[Command], AbstractContextManager[Launch]]


class Inheritance:
    """Collects what a launcher inherits, and closes our copies once it has been started."""

    def __init__(self) -> None:
        self.fds: list[int] = []
        self.status, self.report = os.pipe()
        self.fds.append(self.report)

    def text(self, name: str, content: bytes) -> int:
        """An unnamed file in memory holding `content`: nothing of it is seen in a process list."""
        fd = os.memfd_create(name)
        self.fds.append(fd)
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def close(self) -> None:
        """Gives up our copies; the status pipe's other end stays open."""
        for fd in self.fds:
            os.close(fd)


@contextmanager
def inheritance() -> Iterator[Inheritance]:
    """What the launcher inherits, for as long as it takes to start it."""
    inherited = Inheritance()
    try:
        yield inherited
    except BaseException:
        os.close(inherited.status)
        raise
    finally:
        inherited.close()


def resource_limits(limits: Limits, *, own_count: bool) -> dict[str, int]:
    """The kernel's own limits for each process, by the names that prlimit(1) and `resource` share.

    The watcher says "too many processes" at the limit; the kernel stops a fork bomb that outruns it at twice
    that, except for root: the kernel never counts root's processes, so there the watcher is all there is.
    `own_count`: the sandbox has a user namespace, so that the user's other processes do not count.
    """
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    chosen = {"core": 0, "nofile": OPEN_FILES if most_files < 0 else min(OPEN_FILES, most_files)}
    if limits.file_size is not None:
        chosen["fsize"] = limits.file_size
    if limits.processes is not None and own_count and _kernel() >= (5, 14):
        chosen["nproc"] = 2 * limits.processes
    return chosen


def _kernel() -> tuple[int, ...]:
    """The kernel's version; before 5.14 RLIMIT_NPROC knew nothing of user namespaces."""
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int("".join(takewhile(str.isdigit, minor)))
