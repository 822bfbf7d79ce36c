"""Making moves: each changes rows, leaves evidence and tells the workspace, all in the one transaction of its book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

import msgspec

from runyard.database import Connection
from runyard.jobs import JobStore, NewJob, Unservable
from runyard.services.runs import approvals
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.gates import DUE
from runyard.services.runs.engine.helpers import Errand, Helpers
from runyard.services.runs.engine.model import Approval, Failure, Hold, Run, Snapshot, Step
from runyard.services.runs.engine.moves import (
    Become,
    Escalate,
    Expire,
    Finish,
    Move,
    OpenGate,
    PlanRun,
    Settle,
    Start,
    VoidGate,
)
from runyard.services.runs.engine.spec import Action
from runyard.services.runs.engine.states import RunStatus, StepStatus, way
from runyard.services.runs.evidence.entry import SYSTEM, Actor, Category, PayloadRef
from runyard.services.runs.ledger import Book

CHANGED: Final = "The plan has changed since."
ENDED: Final = "The run has ended."

_RUN_EVENTS: Final[Mapping[RunStatus, tuple[str, str]]] = {
    RunStatus.RUNNING: ("RunResumed", "Run goes on."),
    RunStatus.WAITING_FOR_APPROVAL: ("RunWaiting", "Run waits for approval."),
    RunStatus.PAUSED: ("RunPaused", "Run is paused."),
    RunStatus.SUCCEEDED: ("RunSucceeded", "Run succeeded."),
    RunStatus.FAILED: ("RunFailed", "Run failed."),
    RunStatus.CANCELLED: ("RunCancelled", "Run was cancelled."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The job that does an action with just this input, or why there can be none."""

    input: object
    job: NewJob | Failure


@dataclass(slots=True, kw_only=True)
class Making:
    """A run while moves are made.

    Attributes:
        prepared: jobs for actions that a job does; by action.
        by: who asks for what is planned.
        missed: an action begins that nothing was prepared for: it has to be asked for again.
    """

    connection: Connection
    book: Book
    jobs: JobStore
    people: Helpers
    machines: Helpers
    snapshot: Snapshot
    prepared: Mapping[str, Prepared]
    by: UUID
    run: Run = field(init=False)
    steps: dict[str, Step] = field(init=False)
    missed: bool = field(default=False, init=False)
    _changed: dict[str, Step] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.run = self.snapshot.run
        self.steps = dict(self.snapshot.steps)

    async def make(self, moves: Sequence[Move]) -> None:
        """Make these moves, in their order."""
        for move in moves:
            await self._make(move)
        if self._changed:
            await rows.save_steps(self.connection, self.run.id, list(self._changed.values()))
        if self.run != self.snapshot.run:
            await rows.save_run(self.connection, self.run)

    async def _make(self, move: Move) -> None:
        match move:
            case PlanRun():
                await self._plan(move)
            case Settle():
                await self._settle(move)
            case Start():
                await self._start(move)
            case OpenGate():
                await self._open(move)
            case VoidGate():
                await approvals.void(self.connection, self.book, self._approval(move.approval), CHANGED)
            case Expire():
                await approvals.expire(self.connection, self.book, self._approval(move.approval))
            case Escalate():
                found = await rows.approval(self.connection, self.run.workspace, move.approval)
                assert found is not None
                await approvals.escalate(self.connection, self.book, found, UUID(move.to))
            case Become():
                self.become(move.status, hold=move.hold)
            case Finish():
                await self._finish(move)
            case _:
                assert_never(move)

    # ---------------------------------------------------------------- the run

    def become(self, status: RunStatus, *, hold: Hold | None = None, actor: Actor = SYSTEM) -> None:
        """Go to a state, by way of others if need be."""
        now = self.book.now
        before = self.run.status
        for passed in way(before, status):
            self.run = replace(
                self.run, status=passed, started_at=self.run.started_at or now, ended_at=now if passed.ended else None
            )
        self.run = replace(self.run, hold=hold)
        if status is before:
            return
        name, summary = _RUN_EVENTS[status]
        if before is RunStatus.PENDING and status is RunStatus.RUNNING:
            name, summary = "RunRunning", "Run began."
        self._record("System", summary, actor=actor)
        self._tell(name, {"status": status})

    async def _finish(self, move: Finish) -> None:
        await self.stop()
        self.run = replace(self.run, output=move.output, error=move.error)
        self.become(move.status)

    async def stop(self) -> None:
        """Stop what runs, skip what hasn't begun, ask nobody any more. Jobs are cancelled when this is committed."""
        running = [one for one in self.steps.values() if one.status is StepStatus.RUNNING]
        for step in self.steps.values():
            if not step.status.ended:
                status = StepStatus.CANCELLED if step.status is StepStatus.RUNNING else StepStatus.SKIPPED
                self._keep(replace(step, status=status, ended_at=self.book.now))
        await self._withdraw(running)
        for known in self.snapshot.approvals:
            approval = await rows.approval(self.connection, self.run.workspace, known.id)  # perhaps it has just expired
            if approval is not None and approval.status == "Pending":
                await approvals.void(self.connection, self.book, approval, ENDED)

    async def _withdraw(self, running: Sequence[Step]) -> None:
        for kind, helpers in (("person", self.people), ("machine", self.machines)):
            ids = [one.work_id for one in running if one.work == kind and one.work_id is not None]
            if ids:
                await helpers.withdraw(self.connection, self.book, self.run, ids)

    async def _plan(self, move: PlanRun) -> None:
        plan, new = await rows.add_plan(
            self.connection, self.run.workspace, move.plan, action=move.action, by=self.by, now=self.book.now
        )
        if new:
            about = "the run" if move.action is None else f"action {move.action}"
            uri = f"/v1/workspaces/{self.run.workspace}/plans/{plan}"
            self._record(
                "Plan", f"Plan of {about}: {len(move.plan.doings)} planned effects.", plan_id=plan,
                payload_refs=(PayloadRef(kind="Snapshot", uri=uri, sha256=move.plan.digest()),),
            )  # fmt: skip
            self._tell("PlanGenerated", {"planId": plan}, action=move.action)

    # ---------------------------------------------------------------- approvals

    async def _open(self, move: OpenGate) -> None:
        await self._plan(PlanRun(action=move.action, plan=move.plan))
        now, wanted, digest = self.book.now, move.wanted, move.plan.digest()
        assignee = None if wanted.assignee_user_id is None else UUID(wanted.assignee_user_id)
        new = Approval(
            workspace=self.run.workspace, id=approvals.new_id(), run=self.run.id, plan=rows.plan_id(digest),
            action=move.action, prompt=move.prompt, plan_hash=digest, quorum=move.quorum, roles=wanted.roles,
            asked=() if assignee is None or move.quorum > 1 else (assignee,), requested_by=self.by, requested_at=now,
            assignee=assignee, due_at=now + timedelta(seconds=wanted.due_seconds or DUE),
            escalate_to=wanted.escalate_to, escalate_after=wanted.escalate_after_seconds,
            correlation_id=self.run.correlation_id,
        )  # fmt: skip
        await approvals.ask(self.connection, self.book, new, actor=SYSTEM)

    def _approval(self, approval_id: str) -> Approval:
        return next(one for one in self.snapshot.approvals if one.id == approval_id)

    # ---------------------------------------------------------------- actions

    async def _start(self, move: Start) -> None:
        step, action = self.steps[move.action], self.snapshot.spec.action(move.action)
        attempt, now = step.attempt + 1, self.book.now
        step = replace(
            step, status=StepStatus.RUNNING, attempt=attempt, work=move.by, work_id=None, served_by=move.served_by,
            input=move.input, error=None, ready_at=None, started_at=step.started_at or now, ended_at=None,
            deadline=move.deadline,
        )  # fmt: skip
        try:
            work = await self._begin(move, action, step)
        except Unservable as error:
            self._keep(step)
            await self._fail(move.action, {"code": "unservable", "message": str(error)})
            return
        if work is None:
            self.missed = True
            return
        self._keep(replace(step, work_id=work))
        tries = "" if attempt == 1 else f", try {attempt}"
        self._record("Action", f"Action {action.action_id} ({action.operation}) dispatched{tries}.")
        data = {"operation": action.operation, "attempt": attempt, "by": move.by, "workId": work}
        self._tell("ActionDispatched", data, action=action.action_id)

    async def _begin(self, move: Start, action: Action, step: Step) -> str | None:
        """What does the action now; None if it has to be asked for again."""
        if move.by != "job":
            helpers = self.people if move.by == "person" else self.machines
            value = move.input if isinstance(move.input, dict) else {}
            plan = await rows.plan_of_run(self.connection, self.run.id)
            errand = Errand(
                run=self.run, action=action, attempt=step.attempt, input=value, plan=plan, served_by=move.served_by,
                due_at=move.deadline,
            )  # fmt: skip
            return await helpers.open(self.connection, self.book, errand)
        prepared = self.prepared.get(move.action)
        if prepared is None or msgspec.json.encode(prepared.input) != msgspec.json.encode(move.input):
            return None  # the plan was made anew meanwhile
        new = prepared.job
        if not isinstance(new, NewJob):
            raise Unservable(new["message"])
        # It needs no key of its own: the job is there exactly if the step that names it is.
        job = await self.jobs.submit(replace(new, parent=self.run.job), connection=self.connection)
        return str(job.id)

    async def _fail(self, action: str, error: Failure) -> None:
        await self._settle(Settle(action=action, status=StepStatus.FAILED, error=error))
        self.missed = True  # what follows of it is for the rules to say

    async def _settle(self, move: Settle) -> None:
        step = self.steps[move.action]
        if move.status is not StepStatus.SUCCEEDED:
            await self._withdraw([step])
        self._keep(
            replace(
                step, status=move.status, output=move.output, files=move.files, error=move.error,
                ready_at=move.again_at, deadline=None, ended_at=self.book.now if move.status.ended else None,
            )
        )  # fmt: skip
        operation = self.snapshot.spec.action(move.action).operation
        if move.status is StepStatus.SUCCEEDED:
            self._record("Action", f"Action {move.action} ({operation}) succeeded.", payload_refs=self._files(move))
            self._tell("ActionCompleted", {"operation": operation}, action=move.action)
            return
        code = (move.error or {}).get("code", "failed")
        again = " It is tried again." if move.again_at is not None else ""
        self._record("Action", f"Action {move.action} ({operation}) failed: {code}.{again}")
        data = {"operation": operation, "error": dict(move.error or {}), "again": move.again_at is not None}
        self._tell("ActionFailed", data, action=move.action)

    def _files(self, move: Settle) -> tuple[PayloadRef, ...]:
        place = f"/v1/workspaces/{self.run.workspace}/files"
        return tuple(
            PayloadRef(kind="Artifact", uri=f"{place}/{one['sha256']}", sha256=str(one["sha256"]))
            for one in list(move.files.values())[:_MOST_FILES]
        )

    # ---------------------------------------------------------------- writing

    def _keep(self, step: Step) -> None:
        self.steps[step.action] = self._changed[step.action] = step

    def _record(self, category: Category, summary: str, **links: object) -> None:
        self.book.record(
            category, summary, correlation_id=self.run.correlation_id, run_id=self.run.id,
            **{"actor": SYSTEM, **links},  # type: ignore[arg-type]
        )  # fmt: skip

    def _tell(self, name: str, data: Mapping[str, object], *, action: str | None = None) -> None:
        self.book.tell(
            "run", name, subject=f"runs/{self.run.id}", data={"runId": self.run.id, **data},
            correlation_id=self.run.correlation_id, run_id=self.run.id, action_id=action,
        )  # fmt: skip


_MOST_FILES: Final = 50
