"""A run with all that belongs to it, as the rules see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from runyard.services.runs.engine.spec import Spec
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.engine.tiers import Tier

Hold: TypeAlias = Literal[
    "pause", "freeze", "handoff", "escalate", "reroute", "evidence", "sandbox", "disabled", "changes"
]
"""Why a paused run doesn't go on."""

ApprovalStatus: TypeAlias = Literal["Pending", "Approved", "Denied", "RequestChanges"]
Failure: TypeAlias = Mapping[str, str]
"""``{"code", "message"}``"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run.

    Attributes:
        job: the job that advances it.
        revision: how often its plan was made anew.
        hold: why it is paused; None while it isn't.
        started_by: the user who started it.
        retry_of: the run whose steps it goes on from.
    """

    workspace: str
    id: str
    workflow: str
    workflow_version: int
    job: UUID
    status: RunStatus
    tier: Tier
    correlation_id: str
    started_by: UUID
    parameters: Mapping[str, object]
    revision: int = 1
    hold: Hold | None = None
    operator: str | None = None
    output: Mapping[str, object] | None = None
    error: Failure | None = None
    deadline: datetime
    retry_of: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action of a run.

    Attributes:
        work: what does it: a job, a human task or an invocation of a machine.
        work_id: which one.
        ready_at: not before this time, after a try that failed.
        served_by: the adapter that does it, once it was begun.
    """

    action: str
    place: int
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    work: Literal["job", "person", "machine"] | None = None
    work_id: str | None = None
    served_by: str | None = None
    input: object = None
    output: Mapping[str, object] | None = None
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    error: Failure | None = None
    ready_at: datetime | None = None
    deadline: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody's agreement that a run or an action waits for.

    Attributes:
        action: the action it is about; None for the whole run.
        plan_hash: of what is approved.
        barred: users who may not decide, whatever their roles.
        asked: the only users who may; anybody with a role that fits, if there is none.
        void: it counts no more, because the plan has changed or the run has ended.
        escalate_to: who is asked in turn; ``escalated`` have been.
    """

    workspace: str
    id: str
    run: str
    plan: str
    action: str | None
    work_item: str | None = None
    prompt: str
    status: ApprovalStatus = "Pending"
    plan_hash: str
    quorum: int = 1
    roles: tuple[str, ...] = ()
    barred: tuple[UUID, ...] = ()
    asked: tuple[UUID, ...] = ()
    requested_by: UUID
    requested_at: datetime
    assignee: UUID | None = None
    due_at: datetime | None = None
    escalate_to: tuple[str, ...] = ()
    escalate_after: float | None = None
    escalated: int = 0
    decided_at: datetime | None = None
    decided_by: UUID | None = None
    rationale: str | None = None
    correlation_id: str
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the work of a step."""

    output: Mapping[str, object] | None = None
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run, its steps and approvals, and what has become of their work, at one moment.

    Attributes:
        outcomes: of running steps whose work has ended.
        served_by: adapters as they are now, of actions that have one.
        approvers: how many different people policies ask for at every gate.
        look_at: when some work may have ended without anybody saying so.
    """

    run: Run
    spec: Spec
    steps: Mapping[str, Step]
    approvals: Sequence[Approval] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    served_by: Mapping[str, str] = field(default_factory=dict)
    approvers: int = 1
    look_at: datetime | None = None
