"""The sandboxes that `stage.py` makes: Linux namespaces without bubblewrap; by the operator's word, none."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from runyard.sandbox import seccomp
from runyard.sandbox.command import Command
from runyard.sandbox.errors import SandboxError
from runyard.sandbox.launch import Inheritance, Launch, inheritance, resource_limits
from runyard.sandbox.view import GID, HOME, HOSTNAME, UID, environment, source_of, steps

STAGE = Path(__file__).with_name("stage.py")


@contextmanager
def launch_namespaces(command: Command) -> Iterator[Launch]:
    """Ready to be started: the command in namespaces of its own."""
    with inheritance() as inherited:
        program = seccomp.program()
        orders = {
            **_orders(command, inherited, mode="namespaces"),
            "network": command.network,
            "uid": UID,
            "gid": GID,
            "hostname": HOSTNAME,
            "seccomp": None if program is None else program.hex(),
            "steps": [{"kind": type(step).__name__, **asdict(step)} for step in steps(command)],
        }
        yield _launch(orders, inherited, ending=signal.SIGKILL)


@contextmanager
def launch_plain(command: Command) -> Iterator[Launch]:
    """Ready to be started: the command among everything else, but ended with all it starts."""
    for mount in command.mounts:
        if str(source_of(mount)) != os.path.realpath(mount.target):
            raise SandboxError(
                f"cannot show {str(mount.source)!r} at {mount.target!r}: without a sandbox, "
                "files are seen where they are; mount it at its own path"
            )
    with inheritance() as inherited:
        orders = _orders(command, inherited, mode="plain")
        yield _launch(orders, inherited, ending=signal.SIGTERM)


def _orders(command: Command, inherited: Inheritance, *, mode: str) -> dict[str, object]:
    apart = mode == "namespaces"
    return {
        "mode": mode,
        "parent": os.getpid(),
        "report": inherited.report,
        "argv": list(command.argv),
        "cwd": command.cwd,
        "env": dict(environment(command, home=HOME if apart else "/tmp")),  # noqa: S108 -- there is no other
        "limits": resource_limits(command.limits, own_count=apart),
    }


def _launch(orders: dict[str, object], inherited: Inheritance, *, ending: signal.Signals) -> Launch:
    text = inherited.text("orders", json.dumps(orders).encode())
    return Launch(
        argv=(sys.executable, "-I", "-S", str(STAGE), str(text)),
        inherit=tuple(inherited.fds),
        status=inherited.status,
        ending=ending,
    )
