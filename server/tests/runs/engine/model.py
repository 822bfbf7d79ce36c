"""A run that lives in memory: the rules are asked, and their moves are made, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from runyard.jobs import Asked, File, NewJob, Offer
from runyard.services.runs.engine.advance import Advance, advance
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.gates import DUE
from runyard.services.runs.engine.model import Approval, Outcome, Run, Snapshot, Step
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
from runyard.services.runs.engine.plan import Plan
from runyard.services.runs.engine.spec import Action, Spec
from runyard.services.runs.engine.states import RunStatus, StepStatus, way
from runyard.services.runs.engine.tiers import Tier

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
ALICE, BOB = uuid4(), uuid4()


class TestInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    __test__ = False

    package: File
    tests: list[str] = []
    seconds: float | None = None


class TestOutput(msgspec.Struct, frozen=True, kw_only=True):
    __test__ = False

    passed: int
    report: dict[str, int]


async def request(asked: Asked) -> NewJob:
    return NewJob(kind="test.job", owner=asked.owner, tenant=asked.tenant, params=msgspec.to_builtins(asked.input))


class Anything(msgspec.Struct, frozen=True, kw_only=True):
    value: object = None


TESTING = Offer(operation="test:run", title="Run tests", input=TestInput, output=TestOutput, request=request)
ECHO = Offer(operation="echo:say", title="Say it again", input=Anything, output=Anything, request=request)
CATALOGUE = Catalogue.of([TESTING, ECHO])


def action(name: str, operation: str = "echo:say", **more: object) -> Action:
    return Action(action_id=name, order=1, port_family="ComplianceGrc", operation=operation, **more)  # type: ignore[arg-type]


def spec(*actions: Action, tier: Tier = Tier.AUTO, **more: object) -> Spec:
    numbered = [msgspec.structs.replace(one, order=place) for place, one in enumerate(actions, 1)]
    return Spec(execution_tier=tier, actions=tuple(numbered), **more)  # type: ignore[arg-type]


@dataclass
class Lived:
    """One run, its clock, and everything that was started."""

    spec: Spec
    run: Run
    now: datetime = NOW
    steps: dict[str, Step] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    served_by: dict[str, str] = field(default_factory=dict)
    approvers: int = 1
    made: list[Move] = field(default_factory=list)
    started: list[Start] = field(default_factory=list)

    @classmethod
    def of(cls, what: Spec, *, tier: Tier | None = None, parameters: Mapping[str, object] | None = None) -> Lived:
        run = Run(
            workspace="ws-test", id="run-1", workflow="wf-test", workflow_version=1, job=UUID(int=1),
            status=RunStatus.PENDING, tier=tier or what.execution_tier, correlation_id="c", started_by=ALICE,
            parameters=parameters or {}, deadline=NOW + timedelta(days=90), created_at=NOW,
        )  # fmt: skip
        steps = {one.action_id: Step(action=one.action_id, place=place) for place, one in enumerate(what.actions)}
        return cls(what, run, steps=steps)

    @property
    def status(self) -> str:
        return self.run.status

    def snapshot(self) -> Snapshot:
        running = {name for name, one in self.steps.items() if one.status is StepStatus.RUNNING}
        return Snapshot(
            run=self.run, spec=self.spec, steps=self.steps, approvals=list(self.approvals.values()),
            outcomes={name: one for name, one in self.outcomes.items() if name in running},
            served_by=self.served_by, approvers=self.approvers,
        )  # fmt: skip

    def go(self) -> Advance:
        """Ask the rules, and make their moves."""
        found = advance(self.snapshot(), CATALOGUE, self.now)
        for move in found.moves:
            self._make(move)
        return found

    def pending(self) -> list[Approval]:
        return [one for one in self.approvals.values() if one.status == "Pending"]

    def decide(self, status: str = "Approved", approval: Approval | None = None) -> None:
        one = approval or self.pending()[0]
        self.approvals[one.id] = replace(
            one,
            status=status,
            decided_at=self.now,
            decided_by=BOB,
            rationale="seen",  # type: ignore[arg-type]
        )

    def end(self, name: str, output: Mapping[str, object] | None = None, **files: Mapping[str, object]) -> None:
        self.outcomes[name] = Outcome(output=output or {}, files=files)

    def fail(self, name: str, code: str = "broken") -> None:
        self.outcomes[name] = Outcome(error={"code": code, "message": "It broke."})

    def running(self) -> Sequence[str]:
        return sorted(name for name, one in self.steps.items() if one.status is StepStatus.RUNNING)

    def _make(self, move: Move) -> None:
        self.made.append(move)
        match move:
            case PlanRun():
                self.plans[move.plan.digest()] = move.plan
            case Settle():
                self.outcomes.pop(move.action, None)
                self._step(
                    move.action, status=move.status, output=move.output, files=move.files, error=move.error,
                    ready_at=move.again_at, deadline=None,
                )  # fmt: skip
            case Start():
                self.started.append(move)
                step = self.steps[move.action]
                self._step(
                    move.action, status=StepStatus.RUNNING, attempt=step.attempt + 1, input=move.input,
                    deadline=move.deadline, served_by=move.served_by, ready_at=None,
                )  # fmt: skip
            case OpenGate():
                self.plans[move.plan.digest()] = move.plan
                name = f"approval-{len(self.approvals) + 1}"
                self.approvals[name] = Approval(
                    workspace="ws-test", id=name, run="run-1", plan="plan", action=move.action, prompt=move.prompt,
                    plan_hash=move.plan.digest(), quorum=move.quorum, requested_by=ALICE, requested_at=self.now,
                    due_at=self.now + timedelta(seconds=move.wanted.due_seconds or DUE),
                    escalate_to=move.wanted.escalate_to, escalate_after=move.wanted.escalate_after_seconds,
                    correlation_id="c",
                )  # fmt: skip
            case VoidGate():
                self.approvals[move.approval] = replace(self.approvals[move.approval], void=True)
            case Expire():
                one = self.approvals[move.approval]
                self.approvals[one.id] = replace(one, status="Denied", rationale="late", decided_at=self.now)
            case Escalate():
                one = self.approvals[move.approval]
                self.approvals[one.id] = replace(one, escalated=one.escalated + 1)
            case Become():
                way(self.run.status, move.status)
                self.run = replace(self.run, status=move.status, hold=move.hold)
            case Finish():
                way(self.run.status, move.status)
                self.run = replace(
                    self.run, status=move.status, hold=None, output=move.output, error=move.error, ended_at=self.now
                )

    def _step(self, name: str, **changes: object) -> None:
        self.steps[name] = replace(self.steps[name], **changes)  # type: ignore[arg-type]
