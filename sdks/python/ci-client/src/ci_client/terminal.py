"""How things look on a terminal: colour, sizes, progress. Where there is no terminal, all is plain text."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "grey": 90}
_OUTCOMES = {
    "PASSED": "green",
    "XFAIL": "yellow",
    "XPASS": "yellow",
    "SKIPPED": "yellow",
    "FAILED": "red",
    "ERROR": "red",
}
_OUTCOME = re.compile(rf"\b(?:{'|'.join(_OUTCOMES)})\b")
_PATIENCE = 0.4  # what ends sooner needs no progress bar


def note(text: str = "") -> None:
    """Print a line about the answer, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show_log(text: str) -> None:
    """Print a piece of log at once: as it is, or with its outcomes coloured on a terminal."""
    if has_colour(sys.stdout):
        text = _OUTCOME.sub(lambda match: paint(match[0], _OUTCOMES[match[0]], sys.stdout), text)
    sys.stdout.write(text)
    sys.stdout.flush()


def has_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal and the user has not set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour, where the stream shows colours."""
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if has_colour(stream) else text


def show_time(text: str | None, parsed: datetime | None) -> str:
    """A time in its own zone; as it came when it cannot be read, N/A when there is none."""
    if text is None:
        return "N/A"
    return parsed.strftime("%Y-%m-%d %H:%M:%S") if parsed else text


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr for work that reports bytes done and in all; None when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(what)
    try:
        yield bar.moved
    finally:
        bar.close()


class _Bar:
    """Appears, and loads rich, only when the work takes long enough to be wondered about."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def moved(self, done: int, total: int) -> None:
        if self._progress is None and time.monotonic() - self._started >= _PATIENCE:
            self._open(total)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _open(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(self._what, total=total)
        self._progress.start()
