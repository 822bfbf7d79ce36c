"""What `submit` and `wait` share: showing a job's log to its end, the summary, and what Ctrl-C does."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterable

from ci_client.cli import FAILED, INFRASTRUCTURE, INTERRUPTED, PASSED, wants_extended_codes
from ci_client.errors import CIError, StreamLost
from ci_client.events import Completed, Event, Log
from ci_client.job import Job
from ci_client.records import JobDetails, TestCase, TestCounts
from ci_client.terminal import note, paint, show_log

_SECOND_THOUGHTS = 2.0  # seconds in which another Ctrl-C means: cancel the job too
_SHOWN_FAILURES = 20


def show(job: Job, events: Iterable[Event], arguments: argparse.Namespace) -> int:
    """Print the log as it comes; returns the exit code."""
    ended: Completed | None = None
    for event in events:
        if isinstance(event, Log):
            show_log(event.text)
        elif isinstance(event, Completed):
            ended = event
    if ended is None:
        raise StreamLost("the stream ended before the job did")
    if arguments.summary or sys.stderr.isatty() or not ended.success:
        _explain(job, arguments)
    return exit_code(ended, extended=wants_extended_codes(arguments))


def exit_code(ended: Completed, *, extended: bool) -> int:
    """0 for a pass; else 1, or 3 where asked for and the tests were not run to their end."""
    if ended.success:
        return PASSED
    return INFRASTRUCTURE if extended and ended.status in {"failed", "cancelled"} else FAILED


def offer_cancel(job: Job) -> int:
    """After Ctrl-C has detached us on a terminal: another one soon after offers to cancel the job."""
    if not sys.stdin.isatty():
        return INTERRUPTED
    note(f"Press Ctrl-C again within {_SECOND_THOUGHTS:.0f} seconds to cancel the job too.")
    try:
        threading.Event().wait(_SECOND_THOUGHTS)
    except KeyboardInterrupt:
        sys.stderr.write("\nCancel the job too? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            job.cancel()
            note(f"Job {job.id} is cancelled.")
    return INTERRUPTED


def summary_lines(tests: TestCounts, failing: list[TestCase]) -> list[str]:
    """Counts in one line, then the failing tests."""
    counts = [
        paint(f"{tests.passed} passed", "green", sys.stderr),
        *([paint(f"{tests.failed} failed", "red", sys.stderr)] if tests.failed else []),
        *([paint(f"{tests.errors} errors", "red", sys.stderr)] if tests.errors else []),
        *([paint(f"{tests.skipped} skipped", "yellow", sys.stderr)] if tests.skipped else []),
    ]
    lines = [f"{', '.join(counts)} in {tests.duration:.1f} s"]
    for case in failing[:_SHOWN_FAILURES]:
        message = f" - {case.message}" if case.message else ""
        lines.append(f"  {paint(case.outcome, 'red', sys.stderr)} {case.id}{message}")
    if len(failing) > _SHOWN_FAILURES:
        lines.append(f"  and {len(failing) - _SHOWN_FAILURES} more")
    return lines


def _explain(job: Job, arguments: argparse.Namespace) -> None:
    """Say on stderr how it ended. The exit code stands whether or not the server can tell."""
    try:
        details = job.refresh()
        if details.status != "completed" and details.message:
            note(f"Error: {details.message}")
        if arguments.summary or sys.stderr.isatty():
            _summarise(job, details)
    except CIError:
        return


def _summarise(job: Job, details: JobDetails) -> None:
    if details.tests is None:
        return
    failing = job.tests(failed=True) if details.tests.failed or details.tests.errors else []
    note()
    for line in summary_lines(details.tests, failing):
        note(line)
    if failing:
        note(f"Run the failing tests again with: ci rerun {job.id} --failed")
