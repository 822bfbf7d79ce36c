"""The words of the `ci` protocol for what the ground floor knows: one table, read in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, cast

from runyard.jobs import Job, State

KIND: Final = "ci.test"
PACKAGE: Final = ".package"
"""Artifact that holds the submitted zip. Names that begin with a dot are the yard's own and aren't listed."""

CASES: Final = ".tests.json.gz"
"""Artifact that holds the test cases of a run."""

PHASE: Final = "phase"
"""Type of the event that a run enters a phase."""

TEST: Final = "test"
"""Type of the event that a test has ended."""


class Status(StrEnum):
    """The states users see."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a run did not pass. The worker adds ``worker_lost``, ``internal`` and ``cancelled``."""

    TESTS_FAILED = "tests_failed"
    COLLECTION_FAILED = "collection_failed"
    NO_TESTS = "no_tests"
    PYTEST_ERROR = "pytest_error"
    KILLED = "killed"
    BAD_PACKAGE = "bad_package"
    NO_PROJECT = "no_project"
    PYTHON_UNAVAILABLE = "python_unavailable"
    INSTALL_FAILED = "install_failed"
    TIMEOUT = "timeout"
    SILENCE = "silence"
    MEMORY = "memory"
    DISK = "disk"
    PROCESSES = "processes"


RAN: Final = (
    Reason.TESTS_FAILED,
    Reason.COLLECTION_FAILED,
    Reason.NO_TESTS,
    Reason.PYTEST_ERROR,
    Reason.KILLED,
)
"""Reasons with which the tests did run: the status is ``completed`` then, as it is when they passed."""

_STATUS: Final[Mapping[State, Status]] = {
    State.QUEUED: Status.QUEUED,
    State.RUNNING: Status.RUNNING,
    State.WAITING: Status.QUEUED,
    State.SUCCEEDED: Status.COMPLETED,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
}


def status_of(state: State, reason: str | None = None) -> Status:
    """What a job in ``state`` is called."""
    return Status.COMPLETED if state is State.FAILED and reason in RAN else _STATUS[state]


def success_of(state: State) -> bool | None:
    """Whether the tests passed; None while that is open."""
    return state is State.SUCCEEDED if state.ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which jobs of the ground floor have one of some statuses."""

    states: tuple[State, ...] = tuple(State)
    failed_with: tuple[str, ...] | None = None
    failed_without: tuple[str, ...] | None = None


def select(statuses: Iterable[Status]) -> Selection:
    """The jobs that have one of ``statuses``; all of them if there is none."""
    wanted = set(statuses) or set(Status)
    states = tuple(state for state, status in _STATUS.items() if status in wanted)
    if Status.COMPLETED in wanted and Status.FAILED not in wanted:
        return Selection(states=(*states, State.FAILED), failed_with=RAN)
    if Status.FAILED in wanted and Status.COMPLETED not in wanted:
        return Selection(states=states, failed_without=RAN)
    return Selection(states=states)


def summary(job: Job) -> dict[str, object]:
    """The five members every program of the original interface knows, in their order."""
    return {
        "job_id": str(job.id),
        "status": status_of(job.state, job.error_code),
        "success": success_of(job.state),
        "start_time": None if job.started_at is None else timestamp(job.started_at),
        "end_time": None if job.ended_at is None else timestamp(job.ended_at),
    }


def outcome(job: Job) -> dict[str, object]:
    """How a job ended, beyond its summary; all null while it hasn't."""
    error, result = job.error or {}, job.result or {}
    return {
        "reason": error.get("code"),
        "message": error.get("message"),
        "exit_code": result.get("exit_code"),
        "tests": result.get("tests"),
    }


def timestamp(moment: datetime) -> str:
    """``2025-10-13T10:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def package_of(job: Job) -> Mapping[str, object]:
    """Digest and size of what was submitted."""
    return cast("Mapping[str, object]", job.params["package"])
