from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.policy_rule_v1_effect import PolicyRuleV1Effect

T = TypeVar("T", bound="PolicyRuleV1")


@_attrs_define
class PolicyRuleV1:
    """What follows where a condition is true.

    Attributes:
        rule_id (str):
        condition (str):
        effect (PolicyRuleV1Effect):
    """

    rule_id: str
    condition: str
    effect: PolicyRuleV1Effect

    def to_dict(self) -> dict[str, Any]:
        rule_id = self.rule_id

        condition = self.condition

        effect = self.effect.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "ruleId": rule_id,
                "condition": condition,
                "effect": effect,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        rule_id = d.pop("ruleId")

        condition = d.pop("condition")

        effect = PolicyRuleV1Effect(d.pop("effect"))

        policy_rule_v1 = cls(
            rule_id=rule_id,
            condition=condition,
            effect=effect,
        )

        return policy_rule_v1
