"""The states of a job and every way from one to another.

The database refuses what this table refuses (``job_may_become`` in the first migration); a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return not TRANSITIONS[self]


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.FAILED}),
    State.RUNNING: frozenset({State.QUEUED, State.WAITING, State.SUCCEEDED, State.FAILED, State.CANCELLED}),
    State.WAITING: frozenset({State.QUEUED, State.CANCELLED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""``QUEUED`` is reached again from ``RUNNING`` (retry, drain) and from ``WAITING`` (what was awaited has come)."""
