from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.policy_decision_decision import PolicyDecisionDecision
from ..types import UNSET, Unset

T = TypeVar("T", bound="PolicyDecision")


@_attrs_define
class PolicyDecision:
    """Whether it may be done.

    Attributes:
        decision (PolicyDecisionDecision):
        reason (str):
        approval_id (str | Unset):
    """

    decision: PolicyDecisionDecision
    reason: str
    approval_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        decision = self.decision.value

        reason = self.reason

        approval_id = self.approval_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "decision": decision,
                "reason": reason,
            }
        )
        if approval_id is not UNSET:
            field_dict["approvalId"] = approval_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        decision = PolicyDecisionDecision(d.pop("decision"))

        reason = d.pop("reason")

        approval_id = d.pop("approvalId", UNSET)

        policy_decision = cls(
            decision=decision,
            reason=reason,
            approval_id=approval_id,
        )

        policy_decision.additional_properties = d
        return policy_decision

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
