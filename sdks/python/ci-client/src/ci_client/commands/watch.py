"""`ci watch`: a job's progress and its failing tests, live on a terminal, line by line elsewhere."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_client._wire.terminal import say
from ci_client.cli import INTERRUPTED
from ci_client.events import Completed, Event, Log, PhaseEntered, StateChanged, TestEnded
from ci_client.records import TestCase
from ci_client.session import connected
from ci_client.terminal import has_colour, note

from .following import exit_code

if TYPE_CHECKING:
    from rich.console import Group

_SHOWN_FAILURES = 12


def run(arguments: argparse.Namespace) -> int:
    """Watch until the job ends."""
    with connected(arguments) as ci:
        job = ci.job(arguments.job_id)
        picture = Picture(job.id)
        try:
            with _shown(picture) as update:
                for event in job.events():
                    picture.take(event)
                    update(event)
        except KeyboardInterrupt:
            note(f"\nStopped watching job {job.id}; it continues to run.")
            return INTERRUPTED
    assert picture.ended is not None  # the events end with it, or raise
    say(picture.conclusion())
    return exit_code(picture.ended, extended=True)


@dataclass(slots=True)
class Picture:
    """What is known of the job so far."""

    job_id: str
    status: str = "queued"
    queue_position: int | None = None
    phase: str | None = None
    last_line: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    failing: list[TestCase] = field(default_factory=list)
    ended: Completed | None = None

    def take(self, event: Event) -> None:
        """Add what an event tells."""
        if isinstance(event, StateChanged):
            self.status, self.queue_position = event.status, event.queue_position
        elif isinstance(event, PhaseEntered):
            self.phase = event.phase
        elif isinstance(event, TestEnded):
            self.outcomes[event.case.outcome] += 1
            if event.case.is_failing:
                self.failing.append(event.case)
        elif isinstance(event, Log):
            self.last_line = event.text.strip() or self.last_line
        elif isinstance(event, Completed):
            self.ended = event
            self.status = event.status or ("completed" if event.success else "failed")

    def headline(self) -> str:
        """Where the job is, in one line."""
        if self.status == "queued" and self.queue_position:
            return f"queued, number {self.queue_position} in line"
        return f"running: {self.phase}" if self.phase and self.status == "running" else self.status

    def counts(self) -> str:
        """How the tests ended so far."""
        return ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))

    def conclusion(self) -> str:
        """How it ended, in one line."""
        ended = self.ended
        parts = [f"Job {self.job_id}: {'passed' if ended and ended.success else self.status}"]
        if ended and not ended.success and self.status == "completed":
            parts = [f"Job {self.job_id}: tests failed"]
        if self.outcomes:
            parts.append(self.counts())
        if ended and ended.message:
            parts.append(ended.message)
        return "; ".join(parts)


@contextmanager
def _shown(picture: Picture) -> Iterator[Callable[[Event], None]]:
    if not sys.stdout.isatty():
        yield _print_event
        return
    from rich.console import Console
    from rich.live import Live

    started = time.monotonic()
    console = Console(no_color=not has_colour(sys.stdout))
    with Live(console=console, transient=True, get_renderable=lambda: _render(picture, started)):
        yield lambda _: None  # Live draws by itself, four times a second


def _print_event(event: Event) -> None:
    if isinstance(event, StateChanged):
        place = f", number {event.queue_position} in line" if event.queue_position else ""
        say(f"{event.status}{place}")
    elif isinstance(event, PhaseEntered):
        say(f"phase: {event.phase}{' (cached)' if event.cached else ''}")
    elif isinstance(event, TestEnded) and event.case.is_failing:
        say(f"{event.case.outcome}: {event.case.id}{f' - {event.case.message}' if event.case.message else ''}")
    sys.stdout.flush()


def _render(picture: Picture, started: float) -> Group:
    from rich.console import Group
    from rich.spinner import Spinner
    from rich.text import Text

    elapsed = time.monotonic() - started
    lines: list[Text] = [Text(f"{case.outcome}  {case.id}", style="red") for case in picture.failing[-_SHOWN_FAILURES:]]
    return Group(
        Spinner("dots", Text(f"{picture.job_id}  {picture.headline()}  {elapsed:.0f} s", style="bold")),
        Text(picture.counts()),
        *lines,
        Text(picture.last_line, style="dim", overflow="ellipsis", no_wrap=True),
    )
