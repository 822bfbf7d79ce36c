"""The events of a job, as frozen values. Each carries the cursor after which a stream can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ._wire.errors import ProtocolError
from ._wire.sse import ServerEvent
from .records import TestCase, TestCounts, counts_from, test_case_from


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """The server has accepted the job."""

    job_id: str
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A line of output with its newline, or the part of a line that was printed so far."""

    text: str
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The job's status changed, or it moved up in the queue (1 is next)."""

    status: str
    queue_position: int | None = None
    attempt: int | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PhaseEntered:
    """The run entered a phase: unpack, environment, test or report."""

    phase: str
    cached: bool | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class TestEnded:
    """A test ended."""

    __test__ = False

    case: TestCase
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The job has ended; nothing comes after this. What the server does not say is None."""

    success: bool
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    tests: TestCounts | None = None
    cursor: str | None = None


Event = JobSubmitted | Log | StateChanged | PhaseEntered | TestEnded | Completed


def event_from(event: ServerEvent) -> Event | None:
    """Read one event; None for a type this client does not know.

    Raises:
        ProtocolError: it is not what the contract says.
    """
    try:
        fields = json.loads(event.data)
        return _read(fields, event.id)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"the server sent an event that cannot be read: {event.data[:200]!r}") from error


def _read(fields: dict[str, Any], cursor: str | None) -> Event | None:
    kind = fields["type"]
    if kind == "log":
        return Log(fields["data"], cursor)
    if kind == "test":
        return TestEnded(test_case_from(fields), cursor)
    if kind == "state":
        return StateChanged(fields["status"], fields.get("queue_position"), fields.get("attempt"), cursor)
    if kind == "phase":
        return PhaseEntered(fields["phase"], fields.get("cached"), cursor)
    if kind == "job_id":
        return JobSubmitted(fields["job_id"], cursor)
    if kind == "complete":
        return Completed(
            success=fields["success"],
            status=fields.get("status"),
            reason=fields.get("reason"),
            message=fields.get("message"),
            exit_code=fields.get("exit_code"),
            tests=counts_from(fields.get("tests")),
            cursor=cursor,
        )
    return None
