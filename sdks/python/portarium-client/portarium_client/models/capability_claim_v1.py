from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CapabilityClaimV1")


@_attrs_define
class CapabilityClaimV1:
    """One operation that an adapter serves.

    Attributes:
        operation (str):
        requires_auth (bool):
        capability (str | Unset):
        input_kind (str | Unset):
        output_kind (str | Unset):
    """

    operation: str
    requires_auth: bool
    capability: str | Unset = UNSET
    input_kind: str | Unset = UNSET
    output_kind: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        operation = self.operation

        requires_auth = self.requires_auth

        capability = self.capability

        input_kind = self.input_kind

        output_kind = self.output_kind

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "operation": operation,
                "requiresAuth": requires_auth,
            }
        )
        if capability is not UNSET:
            field_dict["capability"] = capability
        if input_kind is not UNSET:
            field_dict["inputKind"] = input_kind
        if output_kind is not UNSET:
            field_dict["outputKind"] = output_kind

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        operation = d.pop("operation")

        requires_auth = d.pop("requiresAuth")

        capability = d.pop("capability", UNSET)

        input_kind = d.pop("inputKind", UNSET)

        output_kind = d.pop("outputKind", UNSET)

        capability_claim_v1 = cls(
            operation=operation,
            requires_auth=requires_auth,
            capability=capability,
            input_kind=input_kind,
            output_kind=output_kind,
        )

        return capability_claim_v1
