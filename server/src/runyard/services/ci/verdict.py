"""What the end of a test process means: passed, or failed for one of the documented reasons."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Final

from runyard.sandbox import Exit, LimitName
from runyard.services.ci.report import Summary
from runyard.services.ci.words import Reason

_LIMITS: Final[Mapping[LimitName, Reason]] = {
    "wall": Reason.TIMEOUT,
    "silence": Reason.SILENCE,
    "memory": Reason.MEMORY,
    "processes": Reason.PROCESSES,
    "file_size": Reason.DISK,
    "disk": Reason.DISK,
}

_EXITS: Final[Mapping[int, tuple[Reason, str]]] = {
    1: (Reason.TESTS_FAILED, "Tests failed."),
    2: (
        Reason.COLLECTION_FAILED,
        "pytest could not collect the tests, or was interrupted; the log says where.",
    ),
    3: (Reason.PYTEST_ERROR, "pytest failed with an internal error; the log has its traceback."),
    4: (Reason.PYTEST_ERROR, "pytest was used in a way it does not know; the log says how."),
    5: (Reason.NO_TESTS, "pytest found no tests."),
}


def verdict(exit_: Exit, tests: Summary | None, *, reported: bool) -> tuple[Reason, str] | None:
    """Reason and sentence of a run that didn't pass; None of one that did.

    Args:
        reported: whether pytest left its report. Without it the process ended before pytest did, whatever its exit
            code says.
    """
    if exit_.limit is not None:
        return _LIMITS[exit_.limit], exit_.message or f"The limit on {exit_.limit} was reached."
    if exit_.code == 0:
        return None if reported else (Reason.PYTEST_ERROR, "The test process ended before pytest had finished.")
    if exit_.code < 0:
        return Reason.KILLED, f"The test process was killed by {_signal(-exit_.code)}."
    if exit_.code == 1 and tests is not None and (bad := tests.failed + tests.errors):
        return Reason.TESTS_FAILED, f"{bad} of {tests.total} tests failed."
    return _EXITS.get(exit_.code) or (
        Reason.PYTEST_ERROR,
        f"The test process ended with exit code {exit_.code}.",
    )


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
