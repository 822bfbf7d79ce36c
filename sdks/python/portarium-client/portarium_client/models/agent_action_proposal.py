from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_action_proposal_decision import AgentActionProposalDecision
from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentActionProposal")


@_attrs_define
class AgentActionProposal:
    """What came of a proposal.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        proposal_id (str):
        agent_id (str):
        tool_name (str):
        decision (AgentActionProposalDecision):
        reason (str):
        approval_id (str | Unset):
        run_id (str | Unset):
        plan_id (str | Unset):
    """

    proposal_id: str
    agent_id: str
    tool_name: str
    decision: AgentActionProposalDecision
    reason: str
    schema_version: Literal[1] = 1
    approval_id: str | Unset = UNSET
    run_id: str | Unset = UNSET
    plan_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        proposal_id = self.proposal_id

        agent_id = self.agent_id

        tool_name = self.tool_name

        decision = self.decision.value

        reason = self.reason

        approval_id = self.approval_id

        run_id = self.run_id

        plan_id = self.plan_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "proposalId": proposal_id,
                "agentId": agent_id,
                "toolName": tool_name,
                "decision": decision,
                "reason": reason,
            }
        )
        if approval_id is not UNSET:
            field_dict["approvalId"] = approval_id
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if plan_id is not UNSET:
            field_dict["planId"] = plan_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        proposal_id = d.pop("proposalId")

        agent_id = d.pop("agentId")

        tool_name = d.pop("toolName")

        decision = AgentActionProposalDecision(d.pop("decision"))

        reason = d.pop("reason")

        approval_id = d.pop("approvalId", UNSET)

        run_id = d.pop("runId", UNSET)

        plan_id = d.pop("planId", UNSET)

        agent_action_proposal = cls(
            schema_version=schema_version,
            proposal_id=proposal_id,
            agent_id=agent_id,
            tool_name=tool_name,
            decision=decision,
            reason=reason,
            approval_id=approval_id,
            run_id=run_id,
            plan_id=plan_id,
        )

        agent_action_proposal.additional_properties = d
        return agent_action_proposal

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
