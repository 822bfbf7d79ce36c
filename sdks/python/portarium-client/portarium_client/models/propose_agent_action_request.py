from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.propose_agent_action_request_parameters import ProposeAgentActionRequestParameters


T = TypeVar("T", bound="ProposeAgentActionRequest")


@_attrs_define
class ProposeAgentActionRequest:
    """What an agent wants to do.

    Attributes:
        machine_id: where it would be done; the agent's own machine by default.

        Attributes:
            agent_id (str):
            action_kind (str):
            tool_name (str):
            rationale (str):
            execution_tier (ExecutionTier | Unset): From "the yard does it" to "people do it".
            policy_ids (list[str] | Unset):
            machine_id (str | Unset):
            parameters (ProposeAgentActionRequestParameters | Unset):
            idempotency_key (str | Unset):
            correlation_id (str | Unset):
    """

    agent_id: str
    action_kind: str
    tool_name: str
    rationale: str
    execution_tier: ExecutionTier | Unset = UNSET
    policy_ids: list[str] | Unset = UNSET
    machine_id: str | Unset = UNSET
    parameters: ProposeAgentActionRequestParameters | Unset = UNSET
    idempotency_key: str | Unset = UNSET
    correlation_id: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        agent_id = self.agent_id

        action_kind = self.action_kind

        tool_name = self.tool_name

        rationale = self.rationale

        execution_tier: str | Unset = UNSET
        if not isinstance(self.execution_tier, Unset):
            execution_tier = self.execution_tier.value

        policy_ids: list[str] | Unset = UNSET
        if not isinstance(self.policy_ids, Unset):
            policy_ids = self.policy_ids

        machine_id = self.machine_id

        parameters: dict[str, Any] | Unset = UNSET
        if not isinstance(self.parameters, Unset):
            parameters = self.parameters.to_dict()

        idempotency_key = self.idempotency_key

        correlation_id = self.correlation_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "agentId": agent_id,
                "actionKind": action_kind,
                "toolName": tool_name,
                "rationale": rationale,
            }
        )
        if execution_tier is not UNSET:
            field_dict["executionTier"] = execution_tier
        if policy_ids is not UNSET:
            field_dict["policyIds"] = policy_ids
        if machine_id is not UNSET:
            field_dict["machineId"] = machine_id
        if parameters is not UNSET:
            field_dict["parameters"] = parameters
        if idempotency_key is not UNSET:
            field_dict["idempotencyKey"] = idempotency_key
        if correlation_id is not UNSET:
            field_dict["correlationId"] = correlation_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.propose_agent_action_request_parameters import ProposeAgentActionRequestParameters  # noqa: PLC0415

        d = dict(src_dict)
        agent_id = d.pop("agentId")

        action_kind = d.pop("actionKind")

        tool_name = d.pop("toolName")

        rationale = d.pop("rationale")

        _execution_tier = d.pop("executionTier", UNSET)
        execution_tier: ExecutionTier | Unset
        if isinstance(_execution_tier, Unset):
            execution_tier = UNSET
        else:
            execution_tier = ExecutionTier(_execution_tier)

        policy_ids = cast(list[str], d.pop("policyIds", UNSET))

        machine_id = d.pop("machineId", UNSET)

        _parameters = d.pop("parameters", UNSET)
        parameters: ProposeAgentActionRequestParameters | Unset
        if isinstance(_parameters, Unset):
            parameters = UNSET
        else:
            parameters = ProposeAgentActionRequestParameters.from_dict(_parameters)

        idempotency_key = d.pop("idempotencyKey", UNSET)

        correlation_id = d.pop("correlationId", UNSET)

        propose_agent_action_request = cls(
            agent_id=agent_id,
            action_kind=action_kind,
            tool_name=tool_name,
            rationale=rationale,
            execution_tier=execution_tier,
            policy_ids=policy_ids,
            machine_id=machine_id,
            parameters=parameters,
            idempotency_key=idempotency_key,
            correlation_id=correlation_id,
        )

        return propose_agent_action_request
