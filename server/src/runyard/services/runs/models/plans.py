"""Plans as the protocol shows them: what would be done, in a form whose hash approvals are bound to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import asyncpg
from pydantic import Field

from runyard.services.runs.engine.plan import YARD
from runyard.services.runs.models.base import Answer, Free, Id, Iso, Maybe, Text, Version
from runyard.services.runs.models.evidence import ExternalObjectRef
from runyard.services.runs.models.shapes import Name, PortFamily
from runyard.services.runs.models.workflows import ExecutionTier

Sha256 = Annotated[str, Field(pattern="^[a-f0-9]{64}$")]


class EffectOperation(StrEnum):
    """What becomes of the object of an effect."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    UPSERT = "Upsert"


class PlannedEffectV1(Answer):
    """What one action would do."""

    effect_id: Id
    operation: EffectOperation
    target: ExternalObjectRef
    summary: Text
    idempotency_key: Maybe[Name] = None
    execution_tier: Maybe[ExecutionTier] = None
    input: Maybe[Free] = None


class PredictedEffectV1(PlannedEffectV1):
    """What an action would do, as far as can be told."""

    confidence: Annotated[float, Field(ge=0, le=1)]


class PlanV1(Answer):
    """What a run, or one action of it, would do."""

    schema_version: Version = 1
    plan_id: Id
    workspace_id: Id
    created_at_iso: Iso
    created_by_user_id: Id
    planned_effects: list[PlannedEffectV1]
    predicted_effects: Maybe[list[PredictedEffectV1]] = None
    id: Maybe[Id] = None
    run_id: Maybe[Id] = None
    action_id: Maybe[Id] = None
    revision: Maybe[int] = None
    hash_sha256: Maybe[Sha256] = None

    @classmethod
    def of(cls, row: asyncpg.Record, workspace: str) -> PlanV1:
        """The plan as it is kept."""
        body = row["body"]
        return cls(
            plan_id=row["id"],
            workspace_id=workspace,
            created_at_iso=row["created_at"],
            created_by_user_id=str(row["created_by"]),
            planned_effects=[_effect(row["run"], doing) for doing in body["doings"]],
            id=row["id"],
            run_id=row["run"],
            action_id=row["action"],
            revision=body["revision"],
            hash_sha256=row["hash"],
        )


def _effect(run: str, doing: dict[str, object]) -> PlannedEffectV1:
    action, operation, served_by = str(doing["actionId"]), str(doing["operation"]), str(doing["servedBy"])
    entity, _, verb = operation.partition(":")
    return PlannedEffectV1(
        effect_id=action,
        operation=_EFFECTS.get(verb, EffectOperation.UPSERT),
        target=ExternalObjectRef(
            sor_name=YARD if served_by == YARD else served_by.rpartition("/")[0],
            port_family=PortFamily(str(doing["portFamily"])),
            external_id=f"{run}/{action}",
            external_type=entity,
            display_label=operation,
        ),
        summary=f"{operation} ({action})",
        idempotency_key=f"{run}/{action}",
        execution_tier=doing["executionTier"],  # type: ignore[arg-type]
        input=doing["input"] if isinstance(doing["input"], dict) else None,
    )


_EFFECTS = {
    "create": EffectOperation.CREATE,
    "add": EffectOperation.CREATE,
    "update": EffectOperation.UPDATE,
    "delete": EffectOperation.DELETE,
    "remove": EffectOperation.DELETE,
}
"""What verbs of operations say; everything else may do either."""
