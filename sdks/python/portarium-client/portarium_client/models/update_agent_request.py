from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.agent_capability import AgentCapability
from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateAgentRequest")


@_attrs_define
class UpdateAgentRequest:
    """Changes to an agent. Saying what it may do takes it out of quarantine: somebody has looked.

    Attributes:
        name (str | Unset):
        endpoint (str | Unset):
        allowed_capabilities (list[AgentCapability] | Unset):
        model_id (str | Unset):
        allowed_tools (list[str] | Unset):
        policy_tier (ExecutionTier | Unset): From "the yard does it" to "people do it".
    """

    name: str | Unset = UNSET
    endpoint: str | Unset = UNSET
    allowed_capabilities: list[AgentCapability] | Unset = UNSET
    model_id: str | Unset = UNSET
    allowed_tools: list[str] | Unset = UNSET
    policy_tier: ExecutionTier | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        endpoint = self.endpoint

        allowed_capabilities: list[str] | Unset = UNSET
        if not isinstance(self.allowed_capabilities, Unset):
            allowed_capabilities = []
            for allowed_capabilities_item_data in self.allowed_capabilities:
                allowed_capabilities_item = allowed_capabilities_item_data.value
                allowed_capabilities.append(allowed_capabilities_item)

        model_id = self.model_id

        allowed_tools: list[str] | Unset = UNSET
        if not isinstance(self.allowed_tools, Unset):
            allowed_tools = self.allowed_tools

        policy_tier: str | Unset = UNSET
        if not isinstance(self.policy_tier, Unset):
            policy_tier = self.policy_tier.value

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if endpoint is not UNSET:
            field_dict["endpoint"] = endpoint
        if allowed_capabilities is not UNSET:
            field_dict["allowedCapabilities"] = allowed_capabilities
        if model_id is not UNSET:
            field_dict["modelId"] = model_id
        if allowed_tools is not UNSET:
            field_dict["allowedTools"] = allowed_tools
        if policy_tier is not UNSET:
            field_dict["policyTier"] = policy_tier

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name", UNSET)

        endpoint = d.pop("endpoint", UNSET)

        _allowed_capabilities = d.pop("allowedCapabilities", UNSET)
        allowed_capabilities: list[AgentCapability] | Unset = UNSET
        if _allowed_capabilities is not UNSET:
            allowed_capabilities = []
            for allowed_capabilities_item_data in _allowed_capabilities:
                allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

                allowed_capabilities.append(allowed_capabilities_item)

        model_id = d.pop("modelId", UNSET)

        allowed_tools = cast(list[str], d.pop("allowedTools", UNSET))

        _policy_tier = d.pop("policyTier", UNSET)
        policy_tier: ExecutionTier | Unset
        if isinstance(_policy_tier, Unset):
            policy_tier = UNSET
        else:
            policy_tier = ExecutionTier(_policy_tier)

        update_agent_request = cls(
            name=name,
            endpoint=endpoint,
            allowed_capabilities=allowed_capabilities,
            model_id=model_id,
            allowed_tools=allowed_tools,
            policy_tier=policy_tier,
        )

        return update_agent_request
