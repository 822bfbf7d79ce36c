"""Runs as the protocol shows them, and what can be done to them."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from runyard.services.runs.engine.model import Run, Step
from runyard.services.runs.engine.spec import Spec
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.engine.steering import CONTROL, Deed, Intervention
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.base import NOT_BLANK, Answer, Ask, Free, Id, Iso, Listing, Maybe, Version
from runyard.services.runs.models.shapes import Name, Operation
from runyard.services.runs.models.workflows import ExecutionTier
from runyard.services.runs.refused import invalid

ControlState: TypeAlias = Literal["waiting", "blocked", "degraded", "frozen", "operator-owned"]


class RunError(Answer):
    """Why a run or an action failed."""

    code: str
    message: str
    action_id: Maybe[Id] = None


class RunFile(Answer):
    """A file that an action has made."""

    name: str
    sha256: Annotated[str, Field(pattern="^[a-f0-9]{64}$")]
    size: Annotated[int, Field(ge=0)]


class RunStep(Answer):
    """One action of a run."""

    action_id: Id
    operation: Operation
    status: StepStatus
    attempt: Annotated[int, Field(ge=0)]
    work: Maybe[Literal["job", "person", "machine"]] = None
    work_id: Maybe[Id] = None
    input: Maybe[Free] = None
    output: Maybe[Free] = None
    files: Maybe[dict[str, RunFile]] = None
    error: Maybe[RunError] = None
    started_at_iso: Maybe[Iso] = None
    ended_at_iso: Maybe[Iso] = None

    @classmethod
    def of(cls, kept: Step, operation: str) -> RunStep:
        """The step as it is kept."""
        return cls(
            action_id=kept.action,
            operation=operation,
            status=kept.status,
            attempt=kept.attempt,
            work=kept.work,
            work_id=kept.work_id,
            input=kept.input if isinstance(kept.input, dict) else None,
            output=None if kept.output is None else dict(kept.output),
            files={name: RunFile.model_validate(file) for name, file in kept.files.items()} or None,
            error=None if kept.error is None else RunError.model_validate(kept.error),
            started_at_iso=kept.started_at,
            ended_at_iso=kept.ended_at,
        )


class RunLinks(Answer):
    """Where more of a run is."""

    self: str
    evidence: str
    approvals: str
    workflow: str


class RunV1(Answer):
    """A run. ``id``, ``input`` and what follows ``endedAtIso`` is Runyard's own."""

    schema_version: Version = 1
    run_id: Id
    workspace_id: Id
    workflow_id: Id
    correlation_id: Id
    execution_tier: ExecutionTier
    initiated_by_user_id: Id
    status: RunStatus
    created_at_iso: Iso
    started_at_iso: Maybe[Iso] = None
    ended_at_iso: Maybe[Iso] = None
    id: Maybe[Id] = None
    workflow_version: Maybe[int] = None
    parameters: Maybe[Free] = None
    input: Maybe[Free] = None
    output: Maybe[Free] = None
    error: Maybe[RunError] = None
    steps: Maybe[list[RunStep]] = None
    control_state: Maybe[ControlState] = None
    operator_owner_id: Maybe[Id] = None
    retry_of_run_id: Maybe[Id] = None
    links: Maybe[RunLinks] = None

    @classmethod
    def of(cls, kept: Run, steps: dict[str, Step] | None = None, spec: Spec | None = None) -> RunV1:
        """The run as it is kept, with its steps if they are given."""
        place = f"/v1/workspaces/{kept.workspace}"
        parameters = dict(kept.parameters)
        shown = None
        if steps is not None and spec is not None:
            operations = {one.action_id: one.operation for one in spec.actions}
            shown = [RunStep.of(one, operations[one.action]) for one in steps.values()]
        return cls(
            run_id=kept.id,
            workspace_id=kept.workspace,
            workflow_id=kept.workflow,
            correlation_id=kept.correlation_id,
            execution_tier=kept.tier,
            initiated_by_user_id=str(kept.started_by),
            status=kept.status,
            created_at_iso=kept.created_at,
            started_at_iso=kept.started_at,
            ended_at_iso=kept.ended_at,
            id=kept.id,
            workflow_version=kept.workflow_version,
            parameters=parameters,
            input=parameters,
            output=None if kept.output is None else dict(kept.output),
            error=None if kept.error is None else RunError.model_validate(kept.error),
            steps=shown,
            control_state=None if kept.hold is None else CONTROL[kept.hold],  # type: ignore[arg-type]
            operator_owner_id=kept.operator,
            retry_of_run_id=kept.retry_of,
            links=RunLinks(
                self=f"{place}/runs/{kept.id}",
                evidence=f"{place}/runs/{kept.id}/evidence",
                approvals=f"{place}/approvals?runId={kept.id}",
                workflow=f"{place}/workflows/{kept.workflow}",
            ),
        )


class RunListResponse(Listing):
    """A page of runs."""

    items: list[RunV1]


class StartRunRequest(Ask):
    """What to run. ``parameters`` has further names, which upstream's programs use; give one of them."""

    workflow_id: Id
    parameters: Maybe[Free] = None
    input: Maybe[Free] = None
    input_payload: Maybe[Free] = None
    execution_tier: Maybe[Tier] = None

    def given(self) -> dict[str, object]:
        """The parameters.

        Raises:
            Refused: two names of them have different values.
        """
        said = [value for value in (self.parameters, self.input, self.input_payload) if value is not None]
        if any(value != said[0] for value in said[1:]):
            raise invalid("parameters", "parameters, input and inputPayload mean the same, and differ here; give one")
        return said[0] if said else {}


class RunInterventionRequest(Ask):
    """What is done to a run, and why."""

    intervention_type: Intervention
    rationale: Annotated[str, Field(min_length=8, max_length=10_000, pattern=NOT_BLANK)]
    target: Maybe[Name] = None
    surface: Maybe[Name] = None
    authority_source: Maybe[Name] = None
    effect: Maybe[Name] = None
    consequence: Maybe[Name] = None
    evidence_required: Maybe[bool] = None

    def deed(self) -> Deed:
        """It as the engine has it."""
        said = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        more = {name: value for name, value in said.items() if name not in {"interventionType", "rationale", "target"}}
        return Deed(kind=self.intervention_type, rationale=self.rationale, target=self.target, more=more)


class RetryRunRequest(Ask):
    """From where to do a run again; what succeeded before that is kept."""

    from_action_id: Maybe[Id] = None


class PlanRunRequest(Ask):
    """What changes in a run's plan."""

    parameters: Maybe[Free] = None
    input: Maybe[Free] = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.parameters is not None and self.input is not None and self.parameters != self.input:
            raise ValueError("parameters and input mean the same, and differ here; give one")
        return self

    def given(self) -> dict[str, object] | None:
        """The parameters; None if they stay as they are."""
        return self.parameters if self.parameters is not None else self.input
