"""A task for a person, and what can become of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from runyard.services.runs.evidence.entry import Actor
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.people import HumanTaskStatus, HumanTaskV1, WorkforceCapability

TRANSITIONS: Final[Mapping[HumanTaskStatus, frozenset[HumanTaskStatus]]] = {
    HumanTaskStatus.PENDING: frozenset({HumanTaskStatus.ASSIGNED, HumanTaskStatus.ESCALATED}),
    HumanTaskStatus.ASSIGNED: frozenset(
        {HumanTaskStatus.IN_PROGRESS, HumanTaskStatus.COMPLETED, HumanTaskStatus.ESCALATED}
    ),
    HumanTaskStatus.IN_PROGRESS: frozenset({HumanTaskStatus.COMPLETED, HumanTaskStatus.ESCALATED}),
    HumanTaskStatus.ESCALATED: frozenset(
        {HumanTaskStatus.ASSIGNED, HumanTaskStatus.IN_PROGRESS, HumanTaskStatus.COMPLETED}
    ),
    HumanTaskStatus.COMPLETED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanTask:
    """A task.

    Attributes:
        assignee: the member of the workforce who is to do it.
        queue: the group that looks after it.
        evidence: the entry that says it was done.
        withdrawn_at: when its run stopped waiting for it.
    """

    id: str
    workspace: str
    work_item: str
    run_id: str
    step_id: str
    description: str
    capabilities: Sequence[str]
    status: str
    assignee: str | None
    queue: str | None
    due_at: datetime | None
    created_at: datetime
    completed_at: datetime | None = None
    completed_by: UUID | None = None
    note: str | None = None
    evidence: str | None = None
    withdrawn_at: datetime | None = None
    correlation_id: str

    def shown(self) -> HumanTaskV1:
        """As the protocol has it."""
        return HumanTaskV1(
            human_task_id=self.id,
            work_item_id=self.work_item,
            run_id=self.run_id,
            step_id=self.step_id,
            assignee_id=self.assignee,
            group_id=self.queue,
            description=self.description,
            required_capabilities=[WorkforceCapability(one) for one in self.capabilities],
            status=HumanTaskStatus(self.status),
            due_at=self.due_at,
            completed_at=self.completed_at,
            completed_by_id=None if self.completed_by is None else str(self.completed_by),
            evidence_anchor_id=self.evidence,
        )


def tell(book: Book, task: HumanTask, name: str, summary: str, *, actor: Actor) -> str:
    """Record what has become of a task; the id of the evidence."""
    entry = book.record(
        "Action", summary, actor=actor, correlation_id=task.correlation_id, run_id=task.run_id,
        work_item_id=task.work_item,
    )  # fmt: skip
    book.tell(
        "workforce", name, subject=f"human-tasks/{task.id}",
        data={"humanTaskId": task.id, "status": task.status, "assigneeId": task.assignee, "groupId": task.queue},
        correlation_id=task.correlation_id, run_id=task.run_id, action_id=task.step_id,
    )  # fmt: skip
    return entry.evidence_id
