"""The values of the ground floor: a job, an event, a request for a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast
from uuid import UUID

import msgspec

from runyard.jobs.states import State

LOG: Final = "log"
STATE: Final = "state"
PROGRESS: Final = "progress"
MESSAGE: Final = "message"
"""A message to the job; only these wake a job that waits for one."""

REPLY: Final = "reply"
"""A message from the job to whoever watches it."""

ARTIFACT: Final = "artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of remote work, as it stood when it was read.

    ``attempt`` counts starts and fences writers; ``losses`` counts starts after a worker was lost or an executor
    failed unexpectedly. ``error`` is ``{"code", "message"}`` of a failed job. ``last_seq`` is the number of the
    newest event.
    """

    id: UUID
    kind: str
    owner: UUID
    tenant: str
    state: State
    cancelling: bool
    progress: int
    params: Mapping[str, object]
    result: Mapping[str, object] | None
    error: Mapping[str, object] | None
    checkpoint: object
    priority: int
    attempt: int
    losses: int
    max_attempts: int
    parent: UUID | None
    awaits: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    last_seq: int
    log_bytes: int
    archive: str | None

    @property
    def error_code(self) -> str | None:
        """The stable word of a failure."""
        return None if self.error is None else str(self.error["code"])


JOB_COLUMNS: Final = ", ".join(name for name in Job.__dataclass_fields__)


def job_from_row(row: Mapping[str, object]) -> Job:
    """Build a job from a row that has :data:`JOB_COLUMNS`."""
    values = dict(row)
    values["state"] = State(cast("str", values["state"]))
    return Job(**{name: values[name] for name in Job.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A fact of a job, number ``seq`` of an unbroken row that starts at 1.

    ``body`` is raw output for ``log`` events (up to 64 KiB, cut at line ends where there are any), else JSON.
    """

    seq: int
    at: datetime
    type: str
    body: bytes

    @property
    def data(self) -> dict[str, object]:
        """The decoded body of an event that isn't a log."""
        return cast("dict[str, object]", msgspec.json.decode(self.body))

    @property
    def ends_job(self) -> bool:
        """Whether this is the job's last event."""
        return self.type == STATE and State(str(self.data["state"])).ended


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A request for work.

    Args:
        kind: which executor runs it, e.g. ``"ci.test"``.
        owner: user who asked.
        tenant: ``user:<uuid>`` or ``project:<name>``; whose work it is.
        params: what the executor needs; plain JSON data.
        priority: higher runs first.
        idempotency_key: the caller's key; the same key and ``fingerprint`` give the same job.
        fingerprint: digest of the request the key stands for.
        artifacts: files the job starts with, by name: (blob digest, content type).
    """

    kind: str
    owner: UUID
    tenant: str
    params: Mapping[str, object] = field(default_factory=dict)
    priority: int = 0
    parent: UUID | None = None
    idempotency_key: str | None = None
    fingerprint: bytes = b""
    artifacts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Makes a message to a job one that its sender may repeat.

    Args:
        sender: user who says it.
        key: theirs; for one job, the same key and ``fingerprint`` are the same message.
        fingerprint: digest of the request the key stands for.
    """

    sender: UUID
    key: str
    fingerprint: bytes
