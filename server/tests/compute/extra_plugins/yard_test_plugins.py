"""Plugins as a user would add them: one that works, one that breaks down in every way, one that takes many at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from runyard.services.compute.plugin import MediaError, Parameters, Result, Task, batch_plugin, plugin


class Shout(Parameters):
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    progress: bool = False


class Shouted(Result):
    output_path: str
    text: str
    process: int


@plugin("shout", output="output/shout.txt")
def shout(task: Task[Shout]) -> Shouted:
    """Write the file's text in capitals.

    Nothing more.
    """
    text = task.input.read_text().upper() * task.params.times
    if task.params.progress:
        for percent in (10, 50, 90):
            task.progress(percent, "shouting")
    task.output("output/shout.txt").write_text(text)
    return Shouted(output_path="output/shout.txt", text=text[:100], process=os.getpid())


class Trouble(Parameters):
    kind: Literal["crash", "exception", "hog", "hang", "refuse", "link", "network", "peek", "litter", "noise"]
    path: str = ""


class Troubled(Result):
    seen: list[str]


@plugin("trouble", output=lambda params, name: f"output/{params.kind}-{name}")
def trouble(task: Task[Trouble]) -> Troubled:
    """Break down."""
    match task.params.kind:
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exception":
            raise ZeroDivisionError(f"at {task.folder}")
        case "hog":
            hoard = []
            while True:
                hoard.append(bytearray(os.urandom(1)) * (32 << 20))
        case "hang":
            threading.Event().wait()
        case "refuse":
            raise MediaError(f"{task.name!r} is not to my taste.", reason="unsupported_media")
        case "link":
            task.output("output/link").symlink_to(task.params.path)
        case "litter":
            for number in range(300):
                task.output(f"faces/{number}/x").write_bytes(b"x")
        case "network":
            with socket.create_connection(("127.0.0.1", int(task.params.path)), timeout=1):
                pass
        case "noise":
            os.write(1, b"noise on stdout\n" * 10_000)
        case "peek":
            place = Path(task.params.path)
            return Troubled(seen=sorted(os.listdir(place)) if place.is_dir() else [])
    return Troubled(seen=[])


class Together(Parameters):
    bad: bool = False
    kill: bool = False


class Joined(Result):
    text: str
    batch: int
    process: int


@batch_plugin("together", output="output/nothing", batch=8)
def together(tasks: Sequence[Task[Together]]) -> Sequence[Joined | MediaError]:
    """Tell how many came together."""
    if any(task.params.kill for task in tasks):
        os.kill(os.getpid(), signal.SIGKILL)
    return [
        MediaError("This one is bad.")
        if task.params.bad
        else Joined(text=task.input.read_text(), batch=len(tasks), process=os.getpid())
        for task in tasks
    ]


class Nothing(Parameters):
    pass


@plugin("absent", output="output/x", missing=lambda models: f"a model in {models}: get one")
def absent(task: Task[Nothing]) -> Troubled:
    """Never offered."""
    raise AssertionError(task)
