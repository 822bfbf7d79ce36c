"""Runs inside pytest, in the project's environment: reports each test as it ends, and its exact id in JUnit.

Copied beside the project and loaded with `-p`. Needs only pytest, on any Python it runs on; never prints.
"""

# ruff: noqa: UP006, UP035, UP045 -- the project's Python may be older than the newer spellings

import json
import os
from typing import Any, Dict, Optional, Set, Tuple

import pytest

CHANNEL = "RUNYARD_TEST_CHANNEL"
LONGEST_ID, LONGEST_MESSAGE = 8000, 500


class Channel:
    """Writes one JSON line for each finished test; goes silent for good when nobody reads."""

    def __init__(self, path: str) -> None:
        self._unfinished: Dict[str, Tuple[str, float, Optional[str]]] = {}
        self._fd: Optional[int] = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
            os.set_blocking(self._fd, True)
        except OSError:
            pass

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A phase of a test has ended; the test has with its tear-down."""
        outcome, duration, message = self._unfinished.pop(report.nodeid, ("passed", 0.0, None))
        duration += getattr(report, "duration", 0.0)
        found = _outcome(report)
        # The first thing that went wrong is what the test is known for.
        blameless = outcome in ("passed", "skipped", "xfailed", "xpassed")
        if found is not None and blameless and (found != "passed" or outcome == "passed"):
            outcome, message = found, _message(report)
        if report.when in ("setup", "call"):
            self._unfinished[report.nodeid] = (outcome, duration, message)
        else:
            self._write(report.nodeid, outcome, duration, message)

    def pytest_collectreport(self, report: Any) -> None:
        """A file could not be collected, or skipped itself: there are no tests to say so."""
        if report.failed or report.skipped:
            self._write(report.nodeid, "error" if report.failed else "skipped", 0.0, _message(report))

    def _write(self, nodeid: str, outcome: str, duration: float, message: Optional[str]) -> None:
        if self._fd is None:
            return
        facts = {
            "id": nodeid[:LONGEST_ID],
            "outcome": outcome,
            "duration": round(duration, 4),
            "message": message,
        }
        line = json.dumps(facts).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            self._fd = None


def pytest_configure(config: Any) -> None:
    """Opens the channel, in the one process that sees all reports."""
    path = os.environ.get(CHANNEL)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Channel(path), "runyard-channel")


def pytest_itemcollected(item: Any) -> None:
    """JUnit's own names cannot be turned back into ids in all cases."""
    item.user_properties.append(("runyard.id", json.dumps(item.nodeid)))


_passed_unexpectedly: Set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: Any) -> None:
    """JUnit has no word for a test that passed unexpectedly; it is written at the tear-down."""
    if _outcome(report) == "xpassed":
        _passed_unexpectedly.add(report.nodeid)
    if report.when == "teardown" and report.nodeid in _passed_unexpectedly:
        _passed_unexpectedly.discard(report.nodeid)
        report.user_properties.append(("runyard.outcome", "xpassed"))


def _outcome(report: Any) -> Optional[str]:
    if report.failed:
        return "failed" if report.when not in ("setup", "teardown") else "error"
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    if report.when == "call":
        return "xpassed" if hasattr(report, "wasxfail") else "passed"
    return None


def _message(report: Any) -> Optional[str]:
    if getattr(report, "wasxfail", None):
        text = report.wasxfail
    elif isinstance(report.longrepr, tuple):
        text = str(report.longrepr[2])
    elif report.longrepr is None:
        return None
    else:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash is not None else _last_error(str(report.longrepr))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for prefix in ("Skipped: ", "reason: "):
        if lines and lines[0].startswith(prefix):
            lines[0] = lines[0][len(prefix) :]
    return lines[0][:LONGEST_MESSAGE] if lines and lines[0] else None


def _last_error(text: str) -> str:
    errors = [line[2:] for line in text.splitlines() if line.startswith("E ")]
    return errors[-1] if errors else text
