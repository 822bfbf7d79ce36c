"""Runs over HTTP: started, shown, cancelled, steered, done again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from runyard.database import Connection
from runyard.identity.checks import as_uuid
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.engine import rows, starting, steering
from runyard.services.runs.engine.states import RunStatus
from runyard.services.runs.ledger import Book
from runyard.services.runs.listing import page_of_runs
from runyard.services.runs.models.base import Id
from runyard.services.runs.models.plans import PlanV1
from runyard.services.runs.models.runs import (
    PlanRunRequest,
    RetryRunRequest,
    RunInterventionRequest,
    RunListResponse,
    RunV1,
    StartRunRequest,
)
from runyard.services.runs.refused import invalid, not_found
from runyard.services.runs.words import Act

routes: APIRouter = router("Runs")
RunId = Annotated[str, Path(alias="runId", min_length=1)]


@routes.get("/runs", operation_id="listRuns", response_model=RunListResponse)
async def list_runs(
    visit: Entered,
    page: Paged,
    *,
    status: Annotated[RunStatus | None, Query()] = None,
    workflow: Annotated[Id | None, Query(alias="workflowId")] = None,
    starter: Annotated[Id | None, Query(alias="initiatedByUserId")] = None,
    correlation: Annotated[Id | None, Query(alias="correlationId")] = None,
) -> Response:
    """The workspace's runs, the first first."""
    visit.caller.require(Act.READ)
    user = None if starter is None else as_uuid(starter)
    if starter is not None and user is None:
        raise invalid("initiatedByUserId", f"{starter!r:.100} is no user's id")
    filters = {"status": status, "workflow": workflow, "started_by": user, "correlation_id": correlation}
    found = await page_of_runs(
        visit.room.yard.database, visit.caller.workspace, filters, after=page.after, rows=page.rows
    )
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    listing = RunListResponse(items=[RunV1.of(one) for one in kept], next_cursor=cursor, cursor=cursor)
    return await look(visit, listing, etag=False)


@routes.post(
    "/runs", operation_id="startRun", status_code=201, response_model=RunV1, openapi_extra=asks(StartRunRequest)
)
async def start(visit: Entered) -> Response:
    """Start a workflow."""
    visit.caller.require(Act.RUN_START)
    asked = await visit.body(StartRunRequest)
    parameters = asked.given()

    async def work(connection: Connection, book: Book) -> RunV1:
        started = await starting.start(
            visit.room.engine, connection, book, visit.caller, asked.workflow_id, parameters=parameters,
            tier=asked.execution_tier,
        )  # fmt: skip
        return RunV1.of(started.run)

    return await command(visit, "StartWorkflow", asked, work, status=201, location=lambda run: f"runs/{run.run_id}")


@routes.get("/runs/{runId}", operation_id="getRun", response_model=RunV1)
async def get(visit: Entered, run_id: RunId) -> Response:
    """A run with its steps."""
    visit.caller.require(Act.READ)
    found = await rows.whole(visit.room.yard.database, run_id)
    if found is None or found.run.workspace != visit.caller.workspace:
        raise not_found("Run", run_id)
    return await look(visit, RunV1.of(found.run, found.steps, found.spec))


@routes.post("/runs/{runId}/cancel", operation_id="cancelRun", response_model=RunV1)
async def cancel(visit: Entered, run_id: RunId) -> Response:
    """Cancel a run, whatever it does. One that was cancelled before stays so."""
    visit.caller.require(Act.RUN_CANCEL)

    async def work(connection: Connection, book: Book) -> RunV1:
        return RunV1.of(await steering.cancel(visit.room.engine, connection, book, visit.caller, run_id))

    return await command(visit, "CancelRun", None, work)


@routes.post(
    "/runs/{runId}/interventions", operation_id="submitRunIntervention", response_model=RunV1,
    openapi_extra=asks(RunInterventionRequest),
)  # fmt: skip
async def intervene(visit: Entered, run_id: RunId) -> Response:
    """Hold a run, let it go on, or say something about it. None of it stands in for an approval."""
    visit.caller.require(Act.RUN_ANNOTATE)
    asked = await visit.body(RunInterventionRequest)

    async def work(connection: Connection, book: Book) -> RunV1:
        run = await steering.intervene(visit.room.engine, connection, book, visit.caller, run_id, deed=asked.deed())
        return RunV1.of(run)

    return await command(visit, "SubmitRunIntervention", asked, work)


@routes.post(
    "/runs/{runId}/retry", operation_id="retryRun", status_code=201, response_model=RunV1,
    openapi_extra=asks(RetryRunRequest),
)  # fmt: skip
async def retry(visit: Entered, run_id: RunId) -> Response:
    """Start another run that goes on where this one failed, with what its actions have given."""
    visit.caller.require(Act.RUN_START)
    asked = await visit.body(RetryRunRequest)

    async def work(connection: Connection, book: Book) -> RunV1:
        started = await starting.retry(
            visit.room.engine, connection, book, visit.caller, run_id, action=asked.from_action_id
        )
        return RunV1.of(started.run)

    return await command(visit, "RetryRun", asked, work, status=201, location=lambda run: f"runs/{run.run_id}")


@routes.post(
    "/runs/{runId}/plans", operation_id="planRunAnew", status_code=201, response_model=PlanV1,
    openapi_extra=asks(PlanRunRequest),
)  # fmt: skip
async def plan_anew(visit: Entered, run_id: RunId) -> Response:
    """Make a new plan for a run whose actions have not begun, and have it approved anew."""
    visit.caller.require(Act.RUN_START)
    asked = await visit.body(PlanRunRequest)

    async def work(connection: Connection, book: Book) -> PlanV1:
        plan = await steering.plan_anew(
            visit.room.engine, connection, book, visit.caller, run_id, parameters=asked.given()
        )
        return await shown_plan(visit, connection, plan)

    return await command(visit, "PlanRun", asked, work, status=201, location=lambda plan: f"plans/{plan.plan_id}")


async def shown_plan(visit: Visit, where: rows.Where, plan_id: str) -> PlanV1:
    """A plan of the workspace.

    Raises:
        Refused: there is none.
    """
    row = await rows.plan(where, visit.caller.workspace, plan_id)
    if row is None:
        raise not_found("Plan", plan_id)
    return PlanV1.of(row, visit.caller.workspace)
