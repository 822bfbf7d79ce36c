from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_capability import AgentCapability
from ..models.execution_tier import ExecutionTier
from ..models.machine_status import MachineStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentV1")


@_attrs_define
class AgentV1:
    """An agent. Fields from ``id`` on are additions of this yard.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        agent_id (str):
        workspace_id (str):
        name (str):
        endpoint (str):
        allowed_capabilities (list[AgentCapability]):
        id (str):
        policy_tier (ExecutionTier): From "the yard does it" to "people do it".
        status (MachineStatus): How a machine is, by its heartbeats.
        model_id (str | Unset):
        used_by_workflow_ids (list[str] | Unset):
        machine_id (str | Unset):
        allowed_tools (list[str] | Unset):
        quarantine_reason (str | Unset):
        last_heartbeat_at_iso (datetime.datetime | Unset):
        status_message (str | Unset):
    """

    agent_id: str
    workspace_id: str
    name: str
    endpoint: str
    allowed_capabilities: list[AgentCapability]
    id: str
    policy_tier: ExecutionTier
    status: MachineStatus
    schema_version: Literal[1] = 1
    model_id: str | Unset = UNSET
    used_by_workflow_ids: list[str] | Unset = UNSET
    machine_id: str | Unset = UNSET
    allowed_tools: list[str] | Unset = UNSET
    quarantine_reason: str | Unset = UNSET
    last_heartbeat_at_iso: datetime.datetime | Unset = UNSET
    status_message: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        agent_id = self.agent_id

        workspace_id = self.workspace_id

        name = self.name

        endpoint = self.endpoint

        allowed_capabilities = []
        for allowed_capabilities_item_data in self.allowed_capabilities:
            allowed_capabilities_item = allowed_capabilities_item_data.value
            allowed_capabilities.append(allowed_capabilities_item)

        id = self.id

        policy_tier = self.policy_tier.value

        status = self.status.value

        model_id = self.model_id

        used_by_workflow_ids: list[str] | Unset = UNSET
        if not isinstance(self.used_by_workflow_ids, Unset):
            used_by_workflow_ids = self.used_by_workflow_ids

        machine_id = self.machine_id

        allowed_tools: list[str] | Unset = UNSET
        if not isinstance(self.allowed_tools, Unset):
            allowed_tools = self.allowed_tools

        quarantine_reason = self.quarantine_reason

        last_heartbeat_at_iso: str | Unset = UNSET
        if not isinstance(self.last_heartbeat_at_iso, Unset):
            last_heartbeat_at_iso = self.last_heartbeat_at_iso.isoformat()

        status_message = self.status_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "agentId": agent_id,
                "workspaceId": workspace_id,
                "name": name,
                "endpoint": endpoint,
                "allowedCapabilities": allowed_capabilities,
                "id": id,
                "policyTier": policy_tier,
                "status": status,
            }
        )
        if model_id is not UNSET:
            field_dict["modelId"] = model_id
        if used_by_workflow_ids is not UNSET:
            field_dict["usedByWorkflowIds"] = used_by_workflow_ids
        if machine_id is not UNSET:
            field_dict["machineId"] = machine_id
        if allowed_tools is not UNSET:
            field_dict["allowedTools"] = allowed_tools
        if quarantine_reason is not UNSET:
            field_dict["quarantineReason"] = quarantine_reason
        if last_heartbeat_at_iso is not UNSET:
            field_dict["lastHeartbeatAtIso"] = last_heartbeat_at_iso
        if status_message is not UNSET:
            field_dict["statusMessage"] = status_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        agent_id = d.pop("agentId")

        workspace_id = d.pop("workspaceId")

        name = d.pop("name")

        endpoint = d.pop("endpoint")

        allowed_capabilities = []
        _allowed_capabilities = d.pop("allowedCapabilities")
        for allowed_capabilities_item_data in _allowed_capabilities:
            allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

            allowed_capabilities.append(allowed_capabilities_item)

        id = d.pop("id")

        policy_tier = ExecutionTier(d.pop("policyTier"))

        status = MachineStatus(d.pop("status"))

        model_id = d.pop("modelId", UNSET)

        used_by_workflow_ids = cast(list[str], d.pop("usedByWorkflowIds", UNSET))

        machine_id = d.pop("machineId", UNSET)

        allowed_tools = cast(list[str], d.pop("allowedTools", UNSET))

        quarantine_reason = d.pop("quarantineReason", UNSET)

        _last_heartbeat_at_iso = d.pop("lastHeartbeatAtIso", UNSET)
        last_heartbeat_at_iso: datetime.datetime | Unset
        if isinstance(_last_heartbeat_at_iso, Unset):
            last_heartbeat_at_iso = UNSET
        else:
            last_heartbeat_at_iso = datetime.datetime.fromisoformat(_last_heartbeat_at_iso)

        status_message = d.pop("statusMessage", UNSET)

        agent_v1 = cls(
            schema_version=schema_version,
            agent_id=agent_id,
            workspace_id=workspace_id,
            name=name,
            endpoint=endpoint,
            allowed_capabilities=allowed_capabilities,
            id=id,
            policy_tier=policy_tier,
            status=status,
            model_id=model_id,
            used_by_workflow_ids=used_by_workflow_ids,
            machine_id=machine_id,
            allowed_tools=allowed_tools,
            quarantine_reason=quarantine_reason,
            last_heartbeat_at_iso=last_heartbeat_at_iso,
            status_message=status_message,
        )

        agent_v1.additional_properties = d
        return agent_v1

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
