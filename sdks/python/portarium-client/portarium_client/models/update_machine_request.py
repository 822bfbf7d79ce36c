from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.agent_capability import AgentCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateMachineRequest")


@_attrs_define
class UpdateMachineRequest:
    """Changes to a machine.

    Attributes:
        hostname (str | Unset):
        os_image (str | Unset):
        allowed_capabilities (list[AgentCapability] | Unset):
        operations (list[str] | Unset):
        slots (int | Unset):
    """

    hostname: str | Unset = UNSET
    os_image: str | Unset = UNSET
    allowed_capabilities: list[AgentCapability] | Unset = UNSET
    operations: list[str] | Unset = UNSET
    slots: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        hostname = self.hostname

        os_image = self.os_image

        allowed_capabilities: list[str] | Unset = UNSET
        if not isinstance(self.allowed_capabilities, Unset):
            allowed_capabilities = []
            for allowed_capabilities_item_data in self.allowed_capabilities:
                allowed_capabilities_item = allowed_capabilities_item_data.value
                allowed_capabilities.append(allowed_capabilities_item)

        operations: list[str] | Unset = UNSET
        if not isinstance(self.operations, Unset):
            operations = self.operations

        slots = self.slots

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if hostname is not UNSET:
            field_dict["hostname"] = hostname
        if os_image is not UNSET:
            field_dict["osImage"] = os_image
        if allowed_capabilities is not UNSET:
            field_dict["allowedCapabilities"] = allowed_capabilities
        if operations is not UNSET:
            field_dict["operations"] = operations
        if slots is not UNSET:
            field_dict["slots"] = slots

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hostname = d.pop("hostname", UNSET)

        os_image = d.pop("osImage", UNSET)

        _allowed_capabilities = d.pop("allowedCapabilities", UNSET)
        allowed_capabilities: list[AgentCapability] | Unset = UNSET
        if _allowed_capabilities is not UNSET:
            allowed_capabilities = []
            for allowed_capabilities_item_data in _allowed_capabilities:
                allowed_capabilities_item = AgentCapability(allowed_capabilities_item_data)

                allowed_capabilities.append(allowed_capabilities_item)

        operations = cast(list[str], d.pop("operations", UNSET))

        slots = d.pop("slots", UNSET)

        update_machine_request = cls(
            hostname=hostname,
            os_image=os_image,
            allowed_capabilities=allowed_capabilities,
            operations=operations,
            slots=slots,
        )

        return update_machine_request
