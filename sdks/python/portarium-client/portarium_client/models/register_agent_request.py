from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.agent_capability import AgentCapability
from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

T = TypeVar("T", bound="RegisterAgentRequest")


@_attrs_define
class RegisterAgentRequest:
    """A new agent.

    Attributes:
        machine_id: where it lives; what it may do is then part of what the machine may.
        allowed_tools: all it may use; without, all that its tier lets it.
        policy_tier: how much it may do without asking: what takes a stricter tier is not for this agent.

        Attributes:
            name (str):
            endpoint (str):
            model_id (str | Unset):
            allowed_capabilities (list[AgentCapability] | Unset):
            workspace_id (str | Unset):
            machine_id (str | Unset):
            allowed_tools (list[str] | Unset):
            policy_tier (ExecutionTier | Unset): From "the yard does it" to "people do it".
    """

    name: str
    endpoint: str
    model_id: str | Unset = UNSET
    allowed_capabilities: list[AgentCapability] | Unset = UNSET
    workspace_id: str | Unset = UNSET
    machine_id: str | Unset = UNSET
    allowed_tools: list[str] | Unset = UNSET
    policy_tier: ExecutionTier | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        endpoint = self.endpoint

        model_id = self.model_id

        allowed_capabilities: list[str] | Unset = UNSET
        if not isinstance(self.allowed_capabilities, Unset):
            allowed_capabilities = []
            for allowed_capabilities_item_data in self.allowed_capabilities:
                allowed_capabilities_item = allowed_capabilities_item_data.value
                allowed_capabilities.append(allowed_capabilities_item)

        workspace_id = self.workspace_id

        machine_id = self.machine_id

        allowed_tools: list[str] | Unset = UNSET
        if not isinstance(self.allowed_tools, Unset):
            allowed_tools = self.allowed_tools

        policy_tier: str | Unset = UNSET
        if not isinstance(self.policy_tier, Unset):
            policy_tier = self.policy_tier.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "endpoint": endpoint,
            }
        )
        if model_id is not UNSET:
            field_dict["modelId"] = model_id
        if allowed_capabilities is not UNSET:
            field_dict["allowedCapabilities"] = allowed_capabilities
        if workspace_id is not UNSET:
            field_dict["workspaceId"] = workspace_id
        if machine_id is not UNSET:
            field_dict["machineId"] = machine_id
        if allowed_tools is not UNSET:
            field_dict["allowedTools"] = allowed_tools
        if policy_tier is not UNSET:
            field_dict["policyTier"] = policy_tier

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        endpoint = d.pop("endpoint")

        model_id = d.pop("modelId", UNSET)

        _allowed_capabilities = d.pop("allowedCapabilities", UNSET)
        allowed_capabilities: list[AgentCapability] | Unset = UNSET
        if _allowed_capabilities is not UNSET:
            allowed_capabilities = []
            for allowed_capabilities_item_data in _allowed_capabilities:
                allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

                allowed_capabilities.append(allowed_capabilities_item)

        workspace_id = d.pop("workspaceId", UNSET)

        machine_id = d.pop("machineId", UNSET)

        allowed_tools = cast(list[str], d.pop("allowedTools", UNSET))

        _policy_tier = d.pop("policyTier", UNSET)
        policy_tier: ExecutionTier | Unset
        if isinstance(_policy_tier, Unset):
            policy_tier = UNSET
        else:
            policy_tier = ExecutionTier(_policy_tier)

        register_agent_request = cls(
            name=name,
            endpoint=endpoint,
            model_id=model_id,
            allowed_capabilities=allowed_capabilities,
            workspace_id=workspace_id,
            machine_id=machine_id,
            allowed_tools=allowed_tools,
            policy_tier=policy_tier,
        )

        return register_agent_request
