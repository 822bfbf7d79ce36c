"""A ceiling on processes that holds for root too, by the kernel's control groups.

Linux exempts uid 0 from RLIMIT_NPROC, and a fork bomb outruns a watcher. Where the yard is root and may make control
groups, each command gets one with ``pids.max``. Elsewhere the rlimit does it, or the watcher alone, as ``runyard
doctor`` says.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from runyard.sandbox.command import Command
from runyard.sandbox.launch import Launch, Launcher

PARENTS: Final = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
"""Where the `pids` controller lives: version 1, version 2."""

PREFIX: Final = "runyard-"
STALE: Final = 60.0
_JOIN: Final = 'echo 0 >"$0/cgroup.procs" && exec "$@"'


def find() -> Path | None:
    """The folder in which groups with a ``pids.max`` can be made, or None."""
    if os.geteuid() != 0:
        return None
    for parent in PARENTS:
        if (parent / "cgroup.controllers").exists():
            with suppress(OSError):
                (parent / "cgroup.subtree_control").write_text("+pids")
        elif parent.name != "pids":
            continue
        try:
            trial = _make(parent, 8)
        except OSError:
            continue
        trial.rmdir()
        _remove_stale(parent)
        return parent
    return None


@contextmanager
def launch(command: Command, *, parent: Path, inner: Launcher) -> Iterator[Launch]:
    """Ready to be started: the command as ``inner`` starts it, in a group of its own."""
    with inner(command) as ready:
        if command.limits.processes is None:
            yield ready
            return
        _remove_stale(parent)
        # Twice the limit: the watcher says "too many processes" at the limit itself, this stops what outruns it.
        group = _make(parent, 2 * command.limits.processes)
        yield replace(ready, argv=("/bin/sh", "-c", _JOIN, str(group), *ready.argv))


def _make(parent: Path, most: int) -> Path:
    group = parent / f"{_own_prefix()}{os.getpid()}-{uuid4()}"
    group.mkdir()
    try:
        (group / "pids.max").write_text(str(most))
    except OSError:
        group.rmdir()
        raise
    return group


def _remove_stale(parent: Path) -> None:
    """Remove the groups of ended commands; a young one may still be waiting for its process.

    A launcher that was being set up when its yard was killed waits for it for ever: it is ended here.
    """
    for group in parent.glob(f"{_own_prefix()}*"):
        with suppress(OSError, ValueError):
            if time.time() - group.stat().st_mtime > STALE:
                if not Path(f"/proc/{group.name.split('-')[2]}").exists():
                    for process in (group / "cgroup.procs").read_text().split():
                        os.kill(int(process), signal.SIGKILL)
                group.rmdir()


def _own_prefix() -> str:
    """Groups carry the number of their maker, which means something only among processes that see each other."""
    return f"{PREFIX}{Path('/proc/self/ns/pid').stat().st_ino}-"
