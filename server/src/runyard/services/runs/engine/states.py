"""The states of runs and of their steps, and every way from one to another.

The database refuses what leaves an end or goes back to the beginning (``run_may_become`` in the migration); a test
compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RunStatus(StrEnum):
    """Where a run is, in the protocol's words."""

    PENDING = "Pending"
    RUNNING = "Running"
    WAITING_FOR_APPROVAL = "WaitingForApproval"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return not TRANSITIONS[self]


class StepStatus(StrEnum):
    """Where an action of a run is."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return not STEPS[self]


TRANSITIONS: Final[Mapping[RunStatus, frozenset[RunStatus]]] = MappingProxyType(
    {
        RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.RUNNING: frozenset(
            {
                RunStatus.WAITING_FOR_APPROVAL,
                RunStatus.PAUSED,
                RunStatus.SUCCEEDED,
                RunStatus.FAILED,
                RunStatus.CANCELLED,
            }
        ),
        RunStatus.WAITING_FOR_APPROVAL: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.SUCCEEDED: frozenset(),
        RunStatus.FAILED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
    }
)

STEPS: Final[Mapping[StepStatus, frozenset[StepStatus]]] = MappingProxyType(
    {
        StepStatus.PENDING: frozenset({StepStatus.RUNNING, StepStatus.FAILED, StepStatus.SKIPPED}),
        StepStatus.RUNNING: frozenset(
            {StepStatus.PENDING, StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED}
        ),
        StepStatus.SUCCEEDED: frozenset(),
        StepStatus.FAILED: frozenset(),
        StepStatus.CANCELLED: frozenset(),
        StepStatus.SKIPPED: frozenset(),
    }
)
"""``PENDING`` is reached again from ``RUNNING`` when an action is tried again."""


def way(start: RunStatus, end: RunStatus) -> tuple[RunStatus, ...]:
    """The states that a run passes on its way, ``end`` last: all but the first step lead through ``RUNNING``.

    Raises:
        ValueError: there is no way.
    """
    if start is end:
        return ()
    if end in TRANSITIONS[start]:
        return (end,)
    if RunStatus.RUNNING in TRANSITIONS[start] and end in TRANSITIONS[RunStatus.RUNNING]:
        return (RunStatus.RUNNING, end)
    raise ValueError(f"A run can't go from {start} to {end}.")
