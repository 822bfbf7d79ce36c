"""Plans over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from runyard.services.runs.api.commands import look
from runyard.services.runs.api.edge import Entered, router
from runyard.services.runs.api.runs import shown_plan
from runyard.services.runs.models.plans import PlanV1
from runyard.services.runs.words import Act

routes: APIRouter = router("Plans")


@routes.get("/plans/{planId}", operation_id="getPlan", response_model=PlanV1)
async def get(visit: Entered, plan_id: Annotated[str, Path(alias="planId", min_length=1)]) -> Response:
    """What a run, or one action of it, would do."""
    visit.caller.require(Act.READ)
    return await look(visit, await shown_plan(visit, visit.room.yard.database, plan_id))
