"""Which sandbox this machine has. Nothing is believed: each is tried with a real command."""

from __future__ import annotations

import functools
import os
import subprocess
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from runyard.sandbox import bubblewrap, cgroups, staged
from runyard.sandbox.command import Command, Limits
from runyard.sandbox.errors import SandboxError, SandboxUnavailable
from runyard.sandbox.launch import Launcher
from runyard.sandbox.process import Process, start

Preference = Literal["auto", "bubblewrap", "unshare", "none"]

_DEADLINE = 20.0
_GREETING = "runyard-sandbox-works"
_REMEDIES = """What helps:
- `apt install bubblewrap` (Debian, Ubuntu); it is best, and needs no set-up.
- User namespaces must be allowed: `sysctl kernel.unprivileged_userns_clone=1` (older Debian),
  `sysctl kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu 24.04 and later),
  `user.max_user_namespaces` above 0.
  A container needs `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`.
- RUNYARD_SANDBOX=none runs other people's code with all your user's rights: only where you trust
  every submitter."""


class Sandbox(Protocol):
    """A way to run commands apart from everything else."""

    @property
    def name(self) -> str:
        """What `probe` calls it."""

    @property
    def description(self) -> str:
        """A sentence for the operator."""

    @property
    def isolated(self) -> bool:
        """Whether commands see only their mounts. If not, a mount's target must be its source."""

    def start(self, command: Command) -> AbstractAsyncContextManager[Process]:
        """Runs the command; leaving the context ends all that it started."""


@dataclass(frozen=True, slots=True)
class _Sandbox:
    name: str
    description: str
    isolated: bool
    launcher: Launcher = field(repr=False)

    def start(self, command: Command) -> AbstractAsyncContextManager[Process]:
        return start(command, self.launcher)


def probe(preference: Preference = "auto") -> Sandbox:
    """The best sandbox that works here, or the one asked for. "none" is never chosen by itself.

    Raises SandboxUnavailable with what was tried, why it failed, and what to do.
    """
    if preference == "none":
        return _plain()
    candidates = {"bubblewrap": _bubblewrap, "unshare": _namespaces}
    failures: list[str] = []
    for name, make in candidates.items():
        if preference in ("auto", name):
            try:
                sandbox = _with_ceiling(make())
                _try(sandbox.launcher)
            except SandboxError as error:
                failures.append(f"- {name}: {error}")
            else:
                return sandbox
    raise SandboxUnavailable("\n".join(["No sandbox works on this machine.", *failures, _REMEDIES]))


def _with_ceiling(sandbox: _Sandbox) -> _Sandbox:
    """The same sandbox with a hard ceiling on processes, which root needs and only root can have."""
    parent = cgroups.find()
    if parent is None:
        if os.geteuid() != 0:
            return sandbox
        return replace(
            sandbox, description=f"{sandbox.description}; fork bombs are only watched for (no control groups)"
        )
    return replace(sandbox, launcher=functools.partial(cgroups.launch, parent=parent, inner=sandbox.launcher))


def _bubblewrap() -> _Sandbox:
    launcher = functools.partial(bubblewrap.launch, bwrap=bubblewrap.find())
    return _Sandbox(bubblewrap.NAME, "bubblewrap: own files, processes, users and network", True, launcher)


def _namespaces() -> _Sandbox:
    description = "Linux namespaces (unshare): own files, processes, users and network"
    return _Sandbox("unshare", description, True, staged.launch_namespaces)


def _plain() -> _Sandbox:
    description = "none: other people's code runs with all rights of this user, by the operator's word"
    return _Sandbox("none", description, False, staged.launch_plain)


def _try(launcher: Launcher) -> None:
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        raise SandboxUnavailable("the kernel has no CONFIG_PROC_CHILDREN, so limits cannot be watched")
    command = Command(argv=("/bin/sh", "-c", f"echo {_GREETING}"), limits=Limits(processes=64))
    with launcher(command) as launch:
        try:
            result = subprocess.run(
                launch.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=launch.inherit,
                cwd="/",
                env={},
                timeout=_DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxUnavailable(f"a trial command did not end within {_DEADLINE:g} s") from error
        except OSError as error:
            raise SandboxUnavailable(f"{launch.argv[0]!r} cannot be run: {error.strerror}") from error
    with os.fdopen(launch.status, "rb") as status:
        report = status.read().decode(errors="replace")
    if result.stdout.strip() != _GREETING.encode():
        said = result.stdout.decode(errors="replace").strip() or report.strip()
        raise SandboxUnavailable(said or f"a trial command ended with {result.returncode} and said nothing")
