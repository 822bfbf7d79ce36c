"""What the ground floor refuses, and how an executor says that a job failed.

::

    JobError
    ├── JobNotFound           no such job
    ├── JobEnded              the job has ended and can't be changed
    ├── IdempotencyReused     the key belongs to another request
    ├── RequestInFlight       the first request with this key is still being read
    ├── EventsExpired         retention has removed the events asked for
    └── AttemptLost           another attempt has taken over; this one may write nothing
    JobFailed                 raised by an executor: the job has failed for good, with a reason
    Postponed                 raised by JobContext.suspend: the executor ends, the job waits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID


class JobError(Exception):
    """Base of everything the ground floor refuses."""


class JobNotFound(JobError):
    """No job has this id."""

    def __init__(self, job: UUID | str) -> None:
        super().__init__(f"There is no job {str(job)!r}.")
        self.job = job


class JobEnded(JobError):
    """The job has ended and can't be changed."""

    def __init__(self, job: UUID, state: str) -> None:
        super().__init__(f"Job {str(job)!r} has already ended ({state}).")
        self.state = state


class IdempotencyReused(JobError):
    """The same Idempotency-Key came with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key {key!r} was used for another request; send a new key with new content.")


class RequestInFlight(JobError):
    """The first request with this Idempotency-Key hasn't been read to its end."""

    def __init__(self, key: str) -> None:
        super().__init__(f"A request with Idempotency-Key {key!r} is still in progress; try again in a moment.")


class EventsExpired(JobError):
    """Retention has removed the events asked for."""

    def __init__(self, job: UUID) -> None:
        super().__init__(f"The events of job {str(job)!r} are past their retention and have been removed.")


class AttemptLost(JobError):
    """Another attempt has taken the job over (or it has ended); this one may write nothing more."""


class JobFailed(Exception):
    """The job has failed for good. Not retried.

    Args:
        code: stable word for programs, e.g. ``"timeout"``.
        message: one sentence for people.
        result: what the job produced all the same.
    """

    def __init__(self, code: str, message: str, *, result: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.result = result


class Postponed(Exception):
    """The job waits and holds no process; it will be started again when what it awaits has come."""

    def __init__(self, awaits: Literal["children", "message", "news", "time"]) -> None:
        super().__init__(awaits)
        self.awaits = awaits
