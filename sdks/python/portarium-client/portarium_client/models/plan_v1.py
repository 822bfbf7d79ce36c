from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.planned_effect_v1 import PlannedEffectV1
    from ..models.predicted_effect_v1 import PredictedEffectV1


T = TypeVar("T", bound="PlanV1")


@_attrs_define
class PlanV1:
    """What a run, or one action of it, would do.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        plan_id (str):
        workspace_id (str):
        created_at_iso (datetime.datetime):
        created_by_user_id (str):
        planned_effects (list[PlannedEffectV1]):
        predicted_effects (list[PredictedEffectV1] | Unset):
        id (str | Unset):
        run_id (str | Unset):
        action_id (str | Unset):
        revision (int | Unset):
        hash_sha_256 (str | Unset):
    """

    plan_id: str
    workspace_id: str
    created_at_iso: datetime.datetime
    created_by_user_id: str
    planned_effects: list[PlannedEffectV1]
    schema_version: Literal[1] = 1
    predicted_effects: list[PredictedEffectV1] | Unset = UNSET
    id: str | Unset = UNSET
    run_id: str | Unset = UNSET
    action_id: str | Unset = UNSET
    revision: int | Unset = UNSET
    hash_sha_256: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        plan_id = self.plan_id

        workspace_id = self.workspace_id

        created_at_iso = self.created_at_iso.isoformat()

        created_by_user_id = self.created_by_user_id

        planned_effects = []
        for planned_effects_item_data in self.planned_effects:
            planned_effects_item = planned_effects_item_data.to_dict()
            planned_effects.append(planned_effects_item)

        predicted_effects: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.predicted_effects, Unset):
            predicted_effects = []
            for predicted_effects_item_data in self.predicted_effects:
                predicted_effects_item = predicted_effects_item_data.to_dict()
                predicted_effects.append(predicted_effects_item)

        id = self.id

        run_id = self.run_id

        action_id = self.action_id

        revision = self.revision

        hash_sha_256 = self.hash_sha_256

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "planId": plan_id,
                "workspaceId": workspace_id,
                "createdAtIso": created_at_iso,
                "createdByUserId": created_by_user_id,
                "plannedEffects": planned_effects,
            }
        )
        if predicted_effects is not UNSET:
            field_dict["predictedEffects"] = predicted_effects
        if id is not UNSET:
            field_dict["id"] = id
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if action_id is not UNSET:
            field_dict["actionId"] = action_id
        if revision is not UNSET:
            field_dict["revision"] = revision
        if hash_sha_256 is not UNSET:
            field_dict["hashSha256"] = hash_sha_256

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.planned_effect_v1 import PlannedEffectV1  # noqa: PLC0415
        from ..models.predicted_effect_v1 import PredictedEffectV1  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        plan_id = d.pop("planId")

        workspace_id = d.pop("workspaceId")

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        created_by_user_id = d.pop("createdByUserId")

        planned_effects = []
        _planned_effects = d.pop("plannedEffects")
        for planned_effects_item_data in _planned_effects:
            planned_effects_item = PlannedEffectV1.from_dict(planned_effects_item_data)

            planned_effects.append(planned_effects_item)

        _predicted_effects = d.pop("predictedEffects", UNSET)
        predicted_effects: list[PredictedEffectV1] | Unset = UNSET
        if _predicted_effects is not UNSET:
            predicted_effects = []
            for predicted_effects_item_data in _predicted_effects:
                predicted_effects_item = PredictedEffectV1.from_dict(predicted_effects_item_data)

                predicted_effects.append(predicted_effects_item)

        id = d.pop("id", UNSET)

        run_id = d.pop("runId", UNSET)

        action_id = d.pop("actionId", UNSET)

        revision = d.pop("revision", UNSET)

        hash_sha_256 = d.pop("hashSha256", UNSET)

        plan_v1 = cls(
            schema_version=schema_version,
            plan_id=plan_id,
            workspace_id=workspace_id,
            created_at_iso=created_at_iso,
            created_by_user_id=created_by_user_id,
            planned_effects=planned_effects,
            predicted_effects=predicted_effects,
            id=id,
            run_id=run_id,
            action_id=action_id,
            revision=revision,
            hash_sha_256=hash_sha_256,
        )

        plan_v1.additional_properties = d
        return plan_v1

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
