from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.approval_decision import ApprovalDecision
from ..types import UNSET, Unset

T = TypeVar("T", bound="DecideApprovalRequest")


@_attrs_define
class DecideApprovalRequest:
    """A decision. ``reason`` is another name of ``rationale``; ``planHash`` is that of the plan that was looked at.

    Attributes:
        decision (ApprovalDecision): What somebody decides.
        rationale (str):
        reason (str | Unset):
        plan_hash (str | Unset):
    """

    decision: ApprovalDecision
    rationale: str
    reason: str | Unset = UNSET
    plan_hash: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        decision = self.decision.value

        rationale = self.rationale

        reason = self.reason

        plan_hash = self.plan_hash

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "decision": decision,
                "rationale": rationale,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason
        if plan_hash is not UNSET:
            field_dict["planHash"] = plan_hash

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        decision = ApprovalDecision(d.pop("decision"))

        rationale = d.pop("rationale")

        reason = d.pop("reason", UNSET)

        plan_hash = d.pop("planHash", UNSET)

        decide_approval_request = cls(
            decision=decision,
            rationale=rationale,
            reason=reason,
            plan_hash=plan_hash,
        )

        return decide_approval_request
