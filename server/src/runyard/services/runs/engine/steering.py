"""What people do to a run that has begun: cancel it, hold it, let it go on, annotate it, make its plan anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from runyard.database import Connection
from runyard.services.runs import approvals, workflows
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.gates import Gates
from runyard.services.runs.engine.making import CHANGED, Making
from runyard.services.runs.engine.model import Hold, Run
from runyard.services.runs.engine.moves import PlanRun
from runyard.services.runs.engine.references import Scope
from runyard.services.runs.engine.starting import check_parameters, judged
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.ledger import Book
from runyard.services.runs.refused import conflict, forbidden, not_found
from runyard.services.runs.words import Act, Role


class Intervention(StrEnum):
    """What somebody can do to a run, in the protocol's words."""

    PAUSE = "pause"
    RESUME = "resume"
    REROUTE = "reroute"
    HANDOFF = "handoff"
    ESCALATE = "escalate"
    ANNOTATE = "annotate"
    REQUEST_EVIDENCE = "request-evidence"
    REQUEST_MORE_EVIDENCE = "request-more-evidence"
    FREEZE = "freeze"
    SANDBOX = "sandbox"
    EMERGENCY_DISABLE = "emergency-disable"


HOLDS: Final[Mapping[Intervention, Hold]] = {
    Intervention.PAUSE: "pause",
    Intervention.REROUTE: "reroute",
    Intervention.HANDOFF: "handoff",
    Intervention.ESCALATE: "escalate",
    Intervention.REQUEST_EVIDENCE: "evidence",
    Intervention.REQUEST_MORE_EVIDENCE: "evidence",
    Intervention.FREEZE: "freeze",
    Intervention.SANDBOX: "sandbox",
    Intervention.EMERGENCY_DISABLE: "disabled",
}
"""Why a run is paused after each; the others don't pause it."""

CONTROL: Final[Mapping[Hold, str]] = {
    "pause": "waiting",
    "reroute": "blocked",
    "handoff": "operator-owned",
    "escalate": "blocked",
    "evidence": "blocked",
    "freeze": "frozen",
    "sandbox": "degraded",
    "disabled": "frozen",
    "changes": "blocked",
}
"""The protocol's word for how a paused run is controlled."""

ADMINS: Final[frozenset[Hold]] = frozenset({"freeze", "disabled"})
"""Holds that only an admin ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does to a run, and why. ``more`` is what else they said of it."""

    kind: Intervention
    rationale: str
    target: str | None = None
    more: Mapping[str, object]


async def cancel(engine: Engine, connection: Connection, book: Book, caller: Caller, run_id: str) -> Run:
    """Cancel a run: at once, whatever it does. One that was cancelled before stays as it is.

    Raises:
        Refused: there is none, it has ended, or the caller may not.
    """
    caller.require(Act.RUN_CANCEL)
    run = await find(connection, caller.workspace, run_id)
    if run.status is RunStatus.CANCELLED:
        return run
    if run.status.ended:
        raise conflict(f"Run {run.id!r} has ended: {run.status}.", runStatus=run.status)
    making = await engine.hold(connection, book, run)
    await engine.wake(connection, run.id)  # before the run has ended: then there is nobody to tell
    await making.stop()
    making.run = replace(making.run, error={"code": "cancelled", "message": "Somebody cancelled the run."})
    making.become(RunStatus.CANCELLED, actor=caller.actor)
    await making.make(())
    return making.run


async def intervene(
    engine: Engine, connection: Connection, book: Book, caller: Caller, run_id: str, *, deed: Deed
) -> Run:
    """Do something to a run.

    Raises:
        Refused: there is none, it has ended, or the caller may not.
    """
    caller.require(Act.RUN_ANNOTATE if deed.kind is Intervention.ANNOTATE else Act.RUN_INTERVENE)
    run = await find(connection, caller.workspace, run_id)
    if deed.kind is not Intervention.ANNOTATE and run.status.ended:
        raise conflict(f"Run {run.id!r} has ended: {run.status}. It can only be annotated.", runStatus=run.status)
    making = await engine.hold(connection, book, run)
    if deed.kind is Intervention.RESUME:
        _resume(making, caller)
    elif (hold := HOLDS.get(deed.kind)) is not None:
        await _pause(making, caller, deed, hold)
    book.record(
        "System", f"Intervention {deed.kind}: {deed.rationale}", actor=caller.actor,
        correlation_id=caller.correlation_id, run_id=run.id,
    )  # fmt: skip
    book.tell(
        "run", "RunIntervened", subject=f"runs/{run.id}",
        data={"runId": run.id, "interventionType": deed.kind, "target": deed.target, **deed.more},
        correlation_id=caller.correlation_id, run_id=run.id,
    )  # fmt: skip
    await making.make(())
    if deed.kind is not Intervention.ANNOTATE:
        await engine.wake(connection, run.id)
    return making.run


async def _pause(making: Making, caller: Caller, deed: Deed, hold: Hold) -> None:
    if hold in ADMINS and Role.ADMIN not in caller.roles:
        raise forbidden(f"Only an admin can {deed.kind} a run.")
    if making.run.hold in ADMINS and hold not in ADMINS:
        raise conflict(
            f"Run {making.run.id!r} is frozen: an admin has to resume it first.", runStatus=making.run.status
        )
    if hold == "disabled":
        await workflows.disable(making.connection, making.run.workspace, making.run.workflow)
    operator = (deed.target or caller.user_id) if hold == "handoff" else None
    making.run = replace(making.run, operator=operator)
    making.become(RunStatus.PAUSED, hold=hold, actor=caller.actor)


def _resume(making: Making, caller: Caller) -> None:
    """End a hold. A run that waits for approval goes on waiting: only a decision ends that."""
    run = making.run
    if run.hold is None:
        if run.status is RunStatus.WAITING_FOR_APPROVAL:
            return
        raise conflict(f"Run {run.id!r} is {run.status}: there is nothing to resume.", runStatus=run.status)
    if run.hold == "changes":
        raise conflict(
            f"The plan of run {run.id!r} was sent back: make a new one (POST .../runs/{run.id}/plans).",
            status=run.status,
        )
    if run.hold in ADMINS and Role.ADMIN not in caller.roles:
        raise forbidden("Only an admin can resume a run that is frozen.")
    making.run = replace(run, operator=None)
    making.become(RunStatus.RUNNING, actor=caller.actor)


async def plan_anew(
    engine: Engine, connection: Connection, book: Book, caller: Caller, run_id: str, *,
    parameters: Mapping[str, object] | None,
) -> str:  # fmt: skip
    """Make a new plan for a run that nothing was done of yet, with other parameters perhaps, and ask for it anew.

    Every decision about the plan before is void.

    Returns:
        the new plan's id.

    Raises:
        Refused: there is no such run, its actions have begun, a policy denies it, or the caller may not.
    """
    caller.require(Act.RUN_START)
    run = await find(connection, caller.workspace, run_id)
    making = await engine.hold(connection, book, run, by=caller.user)
    if run.status.ended or any(one.status is not StepStatus.PENDING for one in making.steps.values()):
        raise conflict(f"Run {run.id!r} is {run.status} and has begun: its plan can't change.", runStatus=run.status)
    spec = making.snapshot.spec
    if parameters is None:
        parameters = run.parameters
    else:
        await check_parameters(connection, caller.workspace, spec, parameters)
    tier = await judged(connection, caller, spec, run.workflow, tier=run.tier, parameters=parameters)
    for approval in making.snapshot.approvals:
        if not approval.void:
            await approvals.void(connection, book, approval, CHANGED)
    hold = None if run.hold == "changes" else run.hold
    new = replace(run, parameters=parameters, tier=tier, revision=run.revision + 1, hold=hold)
    making.run = new
    if hold is None:
        making.become(RunStatus.RUNNING, actor=caller.actor)
    placed = await engine.placed(connection, making.snapshot)
    gates = Gates(replace(placed, run=new, approvals=()), book.now)
    scope = Scope(parameters=new.parameters)
    plan = gates.plan_of(None, scope)
    await making.make((PlanRun(plan=plan), *gates.opened(making.steps, scope)))
    await engine.wake(connection, run.id)
    return rows.plan_id(plan.digest())


async def find(connection: Connection, workspace: str, run_id: str) -> Run:
    """A run of the workspace.

    Raises:
        Refused: there is none.
    """
    run = await rows.run(connection, workspace, run_id)
    if run is None:
        raise not_found("Run", run_id)
    return run
