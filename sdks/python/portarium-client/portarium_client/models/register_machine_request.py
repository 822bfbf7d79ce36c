from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.agent_capability import AgentCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="RegisterMachineRequest")


@_attrs_define
class RegisterMachineRequest:
    """A new machine.

    Attributes:
        operations: all it may ever be asked to do; without, what it declares when it enrols.
        slots: how much it does at once.

        Attributes:
            hostname (str):
            os_image (str | Unset):
            allowed_capabilities (list[AgentCapability] | Unset):
            workspace_id (str | Unset):
            operations (list[str] | Unset):
            slots (int | Unset):  Default: 1.
    """

    hostname: str
    os_image: str | Unset = UNSET
    allowed_capabilities: list[AgentCapability] | Unset = UNSET
    workspace_id: str | Unset = UNSET
    operations: list[str] | Unset = UNSET
    slots: int | Unset = 1

    def to_dict(self) -> dict[str, Any]:
        hostname = self.hostname

        os_image = self.os_image

        allowed_capabilities: list[str] | Unset = UNSET
        if not isinstance(self.allowed_capabilities, Unset):
            allowed_capabilities = []
            for allowed_capabilities_item_data in self.allowed_capabilities:
                allowed_capabilities_item = allowed_capabilities_item_data.value
                allowed_capabilities.append(allowed_capabilities_item)

        workspace_id = self.workspace_id

        operations: list[str] | Unset = UNSET
        if not isinstance(self.operations, Unset):
            operations = self.operations

        slots = self.slots

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "hostname": hostname,
            }
        )
        if os_image is not UNSET:
            field_dict["osImage"] = os_image
        if allowed_capabilities is not UNSET:
            field_dict["allowedCapabilities"] = allowed_capabilities
        if workspace_id is not UNSET:
            field_dict["workspaceId"] = workspace_id
        if operations is not UNSET:
            field_dict["operations"] = operations
        if slots is not UNSET:
            field_dict["slots"] = slots

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hostname = d.pop("hostname")

        os_image = d.pop("osImage", UNSET)

        _allowed_capabilities = d.pop("allowedCapabilities", UNSET)
        allowed_capabilities: list[AgentCapability] | Unset = UNSET
        if _allowed_capabilities is not UNSET:
            allowed_capabilities = []
            for allowed_capabilities_item_data in _allowed_capabilities:
                allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

                allowed_capabilities.append(allowed_capabilities_item)

        workspace_id = d.pop("workspaceId", UNSET)

        operations = cast(list[str], d.pop("operations", UNSET))

        slots = d.pop("slots", UNSET)

        register_machine_request = cls(
            hostname=hostname,
            os_image=os_image,
            allowed_capabilities=allowed_capabilities,
            workspace_id=workspace_id,
            operations=operations,
            slots=slots,
        )

        return register_machine_request
