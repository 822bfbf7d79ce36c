"""The service's own words: how a job reads as a record, and what its states are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias, cast

from runyard.jobs import Job, State

PREFIX: Final = "compute."
"""What the kinds of this service's jobs begin with; the task type follows."""

INPUT: Final = "input/"
NO_CHANNEL: Final = "-"
CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")

Status: TypeAlias = Literal["queued", "processing", "completed", "failed"]

STATUS: Final[Mapping[State, Status]] = {
    State.QUEUED: "queued",
    State.RUNNING: "processing",
    State.WAITING: "queued",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # programs that know four words must not wait for ever
}


def status(job: Job) -> Status:
    """The state in the protocol's words."""
    return STATUS[job.state]


def task_type(job: Job) -> str:
    """Name of the plugin."""
    return job.kind.removeprefix(PREFIX)


def user_number(job: Job) -> int:
    """Whose job it is, as tokens and topics number users; 0 for guests."""
    return cast("int", job.params["user"])


def channel(job: Job) -> str:
    """Where the submitter wants its events."""
    return cast("str | None", job.params["channel"]) or NO_CHANNEL


def record(job: Job, *, waiting_for: str | None = None) -> dict[str, object]:
    """The job as users see it: the original fields in the original order, then ours."""
    return {
        "job_id": str(job.id),
        "task_type": task_type(job),
        "status": status(job),
        "progress": job.progress,
        "params": _paths_first(cast("dict[str, object]", job.params["params"])),
        "task_output": job.result,
        "error_message": None if job.error is None else job.error["message"],
        "priority": job.priority,
        "created_at": milliseconds(job.created_at),
        "updated_at": milliseconds(job.ended_at or job.started_at or job.created_at),
        "started_at": _milliseconds(job.started_at),
        "completed_at": _milliseconds(job.ended_at),
        "reason": job.error_code,
        "seq": job.last_seq,
        "attempt": job.attempt,
        "waiting_for": waiting_for,
    }


def _paths_first(params: dict[str, object]) -> dict[str, object]:
    """As people look for them; the database keeps no order."""
    paths = {name: params[name] for name in ("input_path", "output_path")}
    return paths | params


def milliseconds(time: datetime) -> int:
    """Since the epoch."""
    return int(time.timestamp() * 1000)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else milliseconds(time)
