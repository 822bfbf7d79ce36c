from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_capability import AgentCapability
from ..models.machine_status import MachineStatus
from ..models.standing import Standing
from ..types import UNSET, Unset

T = TypeVar("T", bound="MachineV1")


@_attrs_define
class MachineV1:
    """A machine. Fields from ``id`` on are additions of this yard.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        machine_id (str):
        workspace_id (str):
        hostname (str):
        registered_at_iso (datetime.datetime):
        status (MachineStatus): How a machine is, by its heartbeats.
        active_run_count (int):
        id (str):
        standing (Standing): What people have said of a machine: it works, it is to finish and take nothing new, it
            isn't trusted.
        slots (int):
        os_image (str | Unset):
        last_heartbeat_at_iso (datetime.datetime | Unset):
        allowed_capabilities (list[AgentCapability] | Unset):
        quarantine_reason (str | Unset):
        operations (list[str] | Unset):
        enrolled_at_iso (datetime.datetime | Unset):
        status_message (str | Unset):
    """

    machine_id: str
    workspace_id: str
    hostname: str
    registered_at_iso: datetime.datetime
    status: MachineStatus
    active_run_count: int
    id: str
    standing: Standing
    slots: int
    schema_version: Literal[1] = 1
    os_image: str | Unset = UNSET
    last_heartbeat_at_iso: datetime.datetime | Unset = UNSET
    allowed_capabilities: list[AgentCapability] | Unset = UNSET
    quarantine_reason: str | Unset = UNSET
    operations: list[str] | Unset = UNSET
    enrolled_at_iso: datetime.datetime | Unset = UNSET
    status_message: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        machine_id = self.machine_id

        workspace_id = self.workspace_id

        hostname = self.hostname

        registered_at_iso = self.registered_at_iso.isoformat()

        status = self.status.value

        active_run_count = self.active_run_count

        id = self.id

        standing = self.standing.value

        slots = self.slots

        os_image = self.os_image

        last_heartbeat_at_iso: str | Unset = UNSET
        if not isinstance(self.last_heartbeat_at_iso, Unset):
            last_heartbeat_at_iso = self.last_heartbeat_at_iso.isoformat()

        allowed_capabilities: list[str] | Unset = UNSET
        if not isinstance(self.allowed_capabilities, Unset):
            allowed_capabilities = []
            for allowed_capabilities_item_data in self.allowed_capabilities:
                allowed_capabilities_item = allowed_capabilities_item_data.value
                allowed_capabilities.append(allowed_capabilities_item)

        quarantine_reason = self.quarantine_reason

        operations: list[str] | Unset = UNSET
        if not isinstance(self.operations, Unset):
            operations = self.operations

        enrolled_at_iso: str | Unset = UNSET
        if not isinstance(self.enrolled_at_iso, Unset):
            enrolled_at_iso = self.enrolled_at_iso.isoformat()

        status_message = self.status_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "machineId": machine_id,
                "workspaceId": workspace_id,
                "hostname": hostname,
                "registeredAtIso": registered_at_iso,
                "status": status,
                "activeRunCount": active_run_count,
                "id": id,
                "standing": standing,
                "slots": slots,
            }
        )
        if os_image is not UNSET:
            field_dict["osImage"] = os_image
        if last_heartbeat_at_iso is not UNSET:
            field_dict["lastHeartbeatAtIso"] = last_heartbeat_at_iso
        if allowed_capabilities is not UNSET:
            field_dict["allowedCapabilities"] = allowed_capabilities
        if quarantine_reason is not UNSET:
            field_dict["quarantineReason"] = quarantine_reason
        if operations is not UNSET:
            field_dict["operations"] = operations
        if enrolled_at_iso is not UNSET:
            field_dict["enrolledAtIso"] = enrolled_at_iso
        if status_message is not UNSET:
            field_dict["statusMessage"] = status_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        machine_id = d.pop("machineId")

        workspace_id = d.pop("workspaceId")

        hostname = d.pop("hostname")

        registered_at_iso = datetime.datetime.fromisoformat(d.pop("registeredAtIso"))

        status = MachineStatus(d.pop("status"))

        active_run_count = d.pop("activeRunCount")

        id = d.pop("id")

        standing = Standing(d.pop("standing"))

        slots = d.pop("slots")

        os_image = d.pop("osImage", UNSET)

        _last_heartbeat_at_iso = d.pop("lastHeartbeatAtIso", UNSET)
        last_heartbeat_at_iso: datetime.datetime | Unset
        if isinstance(_last_heartbeat_at_iso, Unset):
            last_heartbeat_at_iso = UNSET
        else:
            last_heartbeat_at_iso = datetime.datetime.fromisoformat(_last_heartbeat_at_iso)

        _allowed_capabilities = d.pop("allowedCapabilities", UNSET)
        allowed_capabilities: list[AgentCapability] | Unset = UNSET
        if _allowed_capabilities is not UNSET:
            allowed_capabilities = []
            for allowed_capabilities_item_data in _allowed_capabilities:
                allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

                allowed_capabilities.append(allowed_capabilities_item)

        quarantine_reason = d.pop("quarantineReason", UNSET)

        operations = cast(list[str], d.pop("operations", UNSET))

        _enrolled_at_iso = d.pop("enrolledAtIso", UNSET)
        enrolled_at_iso: datetime.datetime | Unset
        if isinstance(_enrolled_at_iso, Unset):
            enrolled_at_iso = UNSET
        else:
            enrolled_at_iso = datetime.datetime.fromisoformat(_enrolled_at_iso)

        status_message = d.pop("statusMessage", UNSET)

        machine_v1 = cls(
            schema_version=schema_version,
            machine_id=machine_id,
            workspace_id=workspace_id,
            hostname=hostname,
            registered_at_iso=registered_at_iso,
            status=status,
            active_run_count=active_run_count,
            id=id,
            standing=standing,
            slots=slots,
            os_image=os_image,
            last_heartbeat_at_iso=last_heartbeat_at_iso,
            allowed_capabilities=allowed_capabilities,
            quarantine_reason=quarantine_reason,
            operations=operations,
            enrolled_at_iso=enrolled_at_iso,
            status_message=status_message,
        )

        machine_v1.additional_properties = d
        return machine_v1

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
