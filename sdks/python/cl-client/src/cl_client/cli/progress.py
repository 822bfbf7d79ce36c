"""One progress bar for a whole run, on stderr; lines instead where there is no terminal."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from cl_client._wire.terminal import console, note, printable

from .failures import JobTimeout

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cl_client import Job, JobResponse

Look = Literal["bar", "lines", "nothing"]


def look(*, watch: bool, several: bool, streams: bool) -> Look:
    """How progress is shown: a bar on a terminal when asked for or when there is much to do, lines only when asked for.

    Where results stream to the same terminal, a bar would be in their way.
    """
    if sys.stderr.isatty() and not (streams and several and sys.stdout.isatty()):
        return "bar" if watch or several else "nothing"
    return "lines" if watch else "nothing"


async def follow(job: Job, label: str, board: Board, *, timeout: float) -> JobResponse:
    """Show a job's progress to its end; its last record.

    Args:
        job: the job.
        label: what to call it.
        board: where to show it.
        timeout: seconds; 0 for as long as it takes.

    Raises:
        JobTimeout: it did not end in time.
    """
    try:
        return await asyncio.wait_for(_follow(job, label, board), timeout or None)
    except (TimeoutError, asyncio.TimeoutError):
        raise JobTimeout(job.id, timeout) from None


async def _follow(job: Job, label: str, board: Board) -> JobResponse:
    record: JobResponse | None = None
    async for record in job.events():
        if record.waiting_for:
            board.waits(label, record.waiting_for)
        else:
            board.moved(label, record.status, record.progress)
    assert record is not None  # the events end with the job, or raise
    return record


@dataclass(slots=True)
class _Counts:
    total: int
    percents: dict[str, int] = field(default_factory=dict)
    ended: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Percent of all, from 0 to 100 times the total."""
        return self.ended * 100 + sum(self.percents.values())


class Board:
    """Where a run is. Use it in a ``with`` block."""

    def __init__(self, total: int, look: Look) -> None:
        self._counts = _Counts(total)
        self._look = look
        self._words: dict[str, str] = {}
        self._told: set[str] = set()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Board:
        if self._look == "bar":
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=console(stderr=True),
                transient=True,
                redirect_stdout=False,  # results go where they are meant to go
                redirect_stderr=False,
            )
            self._task = self._progress.add_task(self._headline(), total=self._counts.total * 100)
            self._progress.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def moved(self, label: str, words: str, percent: int) -> None:
        """An input has got somewhere: ``words`` say what happens to it, ``percent`` how far its job is."""
        self._counts.percents[label] = percent
        self._tell(label, f"{words} {percent} %" if percent else words)

    def waits(self, label: str, sentence: str) -> None:
        """An input's job waits for something; that is told once, as it may take long."""
        if sentence not in self._told and self._look != "bar":
            note(f"Waiting: {printable(sentence)}")
        self._told.add(sentence)
        self._counts.percents[label] = 0
        self._headline_is(label, sentence)

    def ended(self, label: str, *, failed: bool) -> None:
        """An input is done with."""
        self._counts.percents.pop(label, None)
        self._counts.ended += 1
        self._counts.failed += failed
        self._headline_is(label, "failed" if failed else "done")

    def _tell(self, label: str, words: str) -> None:
        if self._words.get(label) == words:
            return
        self._words[label] = words
        if self._look == "lines":
            note(f"{printable(label)}: {words}")
        self._headline_is(label, words)

    def _headline_is(self, label: str, words: str) -> None:
        if self._progress is not None and self._task is not None:
            text = self._headline(label, words)
            self._progress.update(self._task, completed=self._counts.done, description=text, refresh=True)

    def _headline(self, label: str = "", words: str = "sending") -> str:
        counts = self._counts
        if counts.total == 1:
            return f"{printable(label)}  {printable(words)}" if label else words
        failed = f", {counts.failed} failed" if counts.failed else ""
        return f"{counts.ended}/{counts.total} done{failed}"
