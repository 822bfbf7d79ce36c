"""How a run begins: by its workflow, or where another one has failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from runyard.database import Connection
from runyard.identity import project_tenant
from runyard.jobs import NewJob
from runyard.services.runs import workflows
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine import rows
from runyard.services.runs.engine.checking import missing_parameters
from runyard.services.runs.engine.engine import Engine
from runyard.services.runs.engine.executor import KIND
from runyard.services.runs.engine.files import known_files
from runyard.services.runs.engine.model import Run
from runyard.services.runs.engine.references import Scope, TooLarge, files_in, resolve
from runyard.services.runs.engine.spec import Spec, after
from runyard.services.runs.engine.states import RunStatus, StepStatus
from runyard.services.runs.engine.tiers import Tier, strictest
from runyard.services.runs.evidence.canonical import NotCanonical, canonical
from runyard.services.runs.ledger import Book
from runyard.services.runs.policies.store import named
from runyard.services.runs.policies.verdict import Decision, judge
from runyard.services.runs.refused import Refused, conflict, forbidden, invalid, not_found
from runyard.services.runs.words import Act

RUN_SECONDS: Final = 90 * 24 * 3600.0
"""How long a run may last whose workflow says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run that has just begun."""

    run: Run
    spec: Spec


async def start(
    engine: Engine,
    connection: Connection,
    book: Book,
    caller: Caller,
    workflow_id: str,
    *,
    parameters: Mapping[str, object],
    tier: Tier | None = None,
) -> Started:
    """Start a workflow.

    Raises:
        Refused: there is none, it isn't active, something that it needs is missing, or the caller may not.
    """
    caller.require(Act.RUN_START)
    workflow = await workflows.find(connection, caller.workspace, workflow_id)
    if not workflow.active:
        raise conflict(f"Workflow {workflow.id!r} is not active.")
    if tier is not None and tier.rank < workflow.spec.execution_tier.rank:
        own = workflow.spec.execution_tier
        raise invalid("executionTier", f"{tier} is less strict than {own}, the workflow's; leave it out")
    await check_parameters(connection, caller.workspace, workflow.spec, parameters)
    tier = await judged(
        connection, caller, workflow.spec, workflow.id, tier=tier or workflow.spec.execution_tier, parameters=parameters
    )
    await _check_adapters(engine, connection, caller.workspace, workflow.spec, tier)
    run = _add(
        engine, book, caller, workflow=workflow.id, version=workflow.version, spec=workflow.spec,
        parameters=parameters, tier=tier,
    )  # fmt: skip
    return Started(run=run, spec=workflow.spec)


async def retry(
    engine: Engine, connection: Connection, book: Book, caller: Caller, run_id: str, *, action: str | None
) -> Started:
    """Start a run that goes on where another one has failed, with what that one's actions have given.

    Args:
        action: from which action on everything is done again; those that didn't succeed, by default.

    Raises:
        Refused: there is no such run or action, it hasn't ended, its workflow isn't active, or the caller may not.
    """
    caller.require(Act.RUN_START)
    found = await rows.whole(connection, run_id)
    if found is None or found.run.workspace != caller.workspace:
        raise not_found("Run", run_id)
    old, spec, steps = found.run, found.spec, found.steps
    if not old.status.ended:
        raise conflict(f"Run {old.id!r} is {old.status}: only one that has ended can be done again.")
    if not await workflows.is_active(connection, caller.workspace, old.workflow):
        raise conflict(f"Workflow {old.workflow!r} is not active.")
    dependencies = spec.dependencies()
    if action is not None and action not in dependencies:
        raise invalid("fromActionId", f"there is no action {action!r}; there are: {', '.join(dependencies)}")
    done = [one for one in steps.values() if one.status is StepStatus.SUCCEEDED]
    if action is not None:
        again = after(dependencies, action)
        done = [one for one in done if one.action not in again]
    elif len(done) == len(steps):
        raise conflict(f"Run {old.id!r} has succeeded: say from which action it is to be done again (fromActionId).")
    tier = await judged(connection, caller, spec, old.workflow, tier=old.tier, parameters=old.parameters)
    await _check_adapters(engine, connection, caller.workspace, spec, tier)
    run = _add(
        engine, book, caller, workflow=old.workflow, version=old.workflow_version, spec=spec,
        parameters=old.parameters, tier=tier, retry_of=old.id,
    )  # fmt: skip
    await book.close()  # the run has to be there before its steps
    await rows.save_steps(connection, run.id, done)
    return Started(run=run, spec=spec)


async def check_parameters(
    connection: Connection, workspace: str, spec: Spec, parameters: Mapping[str, object]
) -> None:
    """Return if a run of ``spec`` can be given these.

    Raises:
        Refused: an action refers to one that is missing, a number can't be kept exactly, what refers to them
            gets too large, or a file is unknown.
    """
    if missing := missing_parameters(spec, parameters):
        name, texts = next(iter(missing.items()))
        raise Refused("validation-failed", f"{name} {texts[0]}", errors=missing)
    scope, names = Scope(parameters=parameters), [one.action_id for one in spec.actions]
    try:
        canonical(dict(parameters))
        for action in spec.actions:
            resolve(action.input, scope, names, partly=True)
    except (NotCanonical, TooLarge) as error:
        raise invalid("parameters", str(error)) from None
    wanted = {str(one.get("sha256")) for one in files_in(dict(parameters))}
    if wanted and (unknown := wanted - await known_files(connection, workspace, wanted)):
        raise invalid("parameters", f"there is no file with SHA-256 {min(unknown)!r:.100} in the workspace; upload it")


async def judged(
    connection: Connection,
    caller: Caller,
    spec: Spec,
    workflow: str,
    *,
    tier: Tier,
    parameters: Mapping[str, object],
) -> Tier:
    """The tier under which the workflow's policies let it run: the one that is asked for, or a stricter one.

    Raises:
        Refused: a policy denies it.
    """
    if not spec.policy_ids:
        return tier
    facts = {
        "workflow": workflow, "tier": str(tier), "operations": [one.operation for one in spec.actions],
        "parameters": parameters, "caller": caller.user_id, "roles": sorted(caller.roles),
    }  # fmt: skip
    verdict = judge(await named(connection, caller.workspace, spec.policy_ids), facts)
    if verdict.decision is Decision.DENY:
        raise forbidden(verdict.reason)
    return strictest((tier, Tier.HUMAN_APPROVE)) if verdict.decision is Decision.REQUIRE_APPROVAL else tier


async def _check_adapters(engine: Engine, connection: Connection, workspace: str, spec: Spec, tier: Tier) -> None:
    wanted = [
        one
        for one in spec.actions
        if engine.catalogue.needs_adapter(one.operation) and not spec.tier_of(one, tier).by_people
    ]
    if not wanted:
        return
    served = await engine.adapters.serving(connection, workspace, wanted)
    lacking = next((one for one in wanted if one.action_id not in served), None)
    if lacking is not None:
        raise conflict(
            f"Action {lacking.action_id!r} ({lacking.operation}) needs exactly one enabled adapter registration of the"
            f" family {lacking.port_family}."
        )


def _add(
    engine: Engine,
    book: Book,
    caller: Caller,
    *,
    workflow: str,
    version: int,
    spec: Spec,
    parameters: Mapping[str, object],
    tier: Tier,
    retry_of: str | None = None,
) -> Run:
    run_id = f"run-{uuid4().hex}"
    work = engine.jobs.submission(
        NewJob(kind=KIND, owner=caller.user, tenant=project_tenant(caller.workspace), params={"run": run_id})
    )
    book.later(work.parts, *work.values)
    run = Run(
        workspace=caller.workspace, id=run_id, workflow=workflow, workflow_version=version, job=work.job,
        status=RunStatus.PENDING, tier=tier, correlation_id=caller.correlation_id, started_by=caller.user,
        parameters=parameters, deadline=book.now + timedelta(seconds=spec.timeout_seconds or RUN_SECONDS),
        retry_of=retry_of, created_at=book.now,
    )  # fmt: skip
    rows.add_run(book, run)
    again = "" if retry_of is None else f", going on from run {retry_of}"
    book.record(
        "System", f"Run started for workflow {workflow}{again}.", actor=caller.actor,
        correlation_id=caller.correlation_id, run_id=run_id,
    )  # fmt: skip
    book.tell(
        "run", "RunStarted", subject=f"runs/{run_id}",
        data={"runId": run_id, "workflowId": workflow, "status": run.status, "executionTier": tier},
        correlation_id=caller.correlation_id, run_id=run_id,
    )  # fmt: skip
    return run
