from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.effect_operation import EffectOperation
from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.external_object_ref import ExternalObjectRef
    from ..models.planned_effect_v1_input import PlannedEffectV1Input


T = TypeVar("T", bound="PlannedEffectV1")


@_attrs_define
class PlannedEffectV1:
    """What one action would do.

    Attributes:
        effect_id (str):
        operation (EffectOperation): What becomes of the object of an effect.
        target (ExternalObjectRef): An object of a system outside.
        summary (str):
        idempotency_key (str | Unset):
        execution_tier (ExecutionTier | Unset): From "the yard does it" to "people do it".
        input_ (PlannedEffectV1Input | Unset):
    """

    effect_id: str
    operation: EffectOperation
    target: ExternalObjectRef
    summary: str
    idempotency_key: str | Unset = UNSET
    execution_tier: ExecutionTier | Unset = UNSET
    input_: PlannedEffectV1Input | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        effect_id = self.effect_id

        operation = self.operation.value

        target = self.target.to_dict()

        summary = self.summary

        idempotency_key = self.idempotency_key

        execution_tier: str | Unset = UNSET
        if not isinstance(self.execution_tier, Unset):
            execution_tier = self.execution_tier.value

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "effectId": effect_id,
                "operation": operation,
                "target": target,
                "summary": summary,
            }
        )
        if idempotency_key is not UNSET:
            field_dict["idempotencyKey"] = idempotency_key
        if execution_tier is not UNSET:
            field_dict["executionTier"] = execution_tier
        if input_ is not UNSET:
            field_dict["input"] = input_

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.external_object_ref import ExternalObjectRef  # noqa: PLC0415
        from ..models.planned_effect_v1_input import PlannedEffectV1Input  # noqa: PLC0415

        d = dict(src_dict)
        effect_id = d.pop("effectId")

        operation = EffectOperation(d.pop("operation"))

        target = ExternalObjectRef.from_dict(d.pop("target"))

        summary = d.pop("summary")

        idempotency_key = d.pop("idempotencyKey", UNSET)

        _execution_tier = d.pop("executionTier", UNSET)
        execution_tier: ExecutionTier | Unset
        if isinstance(_execution_tier, Unset):
            execution_tier = UNSET
        else:
            execution_tier = ExecutionTier(_execution_tier)

        _input_ = d.pop("input", UNSET)
        input_: PlannedEffectV1Input | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = PlannedEffectV1Input.from_dict(_input_)

        planned_effect_v1 = cls(
            effect_id=effect_id,
            operation=operation,
            target=target,
            summary=summary,
            idempotency_key=idempotency_key,
            execution_tier=execution_tier,
            input_=input_,
        )

        planned_effect_v1.additional_properties = d
        return planned_effect_v1

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
