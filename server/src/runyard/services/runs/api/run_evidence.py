"""What a run has left as evidence, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response

from runyard.identity.checks import storable
from runyard.services.runs.api.edge import Entered, Paged, router
from runyard.services.runs.api.evidence import entries
from runyard.services.runs.api.runs import RunId
from runyard.services.runs.engine import rows
from runyard.services.runs.models.evidence import EvidenceEntryListResponse
from runyard.services.runs.refused import not_found
from runyard.services.runs.words import Act

routes: APIRouter = router("Runs")


@routes.get("/runs/{runId}/evidence", operation_id="listRunEvidence", response_model=EvidenceEntryListResponse)
async def list_evidence(visit: Entered, page: Paged, run_id: RunId) -> Response:
    """The evidence of one run, oldest first."""
    visit.caller.require(Act.READ)
    if await rows.run(visit.room.yard.database, visit.caller.workspace, storable(run_id)) is None:
        raise not_found("Run", run_id)
    return await entries(visit, page, {"run_id": run_id})
