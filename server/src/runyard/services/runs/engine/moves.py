"""What can happen to a run in one go. The rules name moves; the store makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from runyard.services.runs.engine.model import Failure, Hold
from runyard.services.runs.engine.plan import Plan
from runyard.services.runs.engine.spec import Approval as Wanted
from runyard.services.runs.engine.states import RunStatus, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """An action's try has ended. ``again_at`` is when it is tried again, if it is."""

    action: str
    status: StepStatus
    output: Mapping[str, object] | None = None
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    error: Failure | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """An action begins."""

    action: str
    by: Literal["job", "person", "machine"]
    input: object
    deadline: datetime
    served_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """It is known what the run, or one action of it, will do."""

    plan: Plan
    action: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGate:
    """Somebody is asked to agree to a plan: of the whole run, or of one action."""

    action: str | None
    plan: Plan
    wanted: Wanted
    quorum: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidGate:
    """An approval counts no more: what it is about has changed."""

    approval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """Nobody decided in time, which counts as a denial."""

    approval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """The next person is asked as well."""

    approval: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Become:
    """The run is in another state."""

    status: RunStatus
    hold: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The run ends; what of it runs is stopped, what hasn't begun never will."""

    status: Literal[RunStatus.SUCCEEDED, RunStatus.FAILED]
    output: Mapping[str, object] | None = None
    error: Failure | None = None


Move: TypeAlias = PlanRun | Settle | Start | OpenGate | VoidGate | Expire | Escalate | Become | Finish
