from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.workforce_capability import WorkforceCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateWorkforceMemberRequest")


@_attrs_define
class UpdateWorkforceMemberRequest:
    """What is to change about them.

    Attributes:
        display_name (str | Unset):
        capabilities (list[WorkforceCapability] | Unset):
    """

    display_name: str | Unset = UNSET
    capabilities: list[WorkforceCapability] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        display_name = self.display_name

        capabilities: list[str] | Unset = UNSET
        if not isinstance(self.capabilities, Unset):
            capabilities = []
            for capabilities_item_data in self.capabilities:
                capabilities_item = capabilities_item_data.value
                capabilities.append(capabilities_item)

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if display_name is not UNSET:
            field_dict["displayName"] = display_name
        if capabilities is not UNSET:
            field_dict["capabilities"] = capabilities

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        display_name = d.pop("displayName", UNSET)

        _capabilities = d.pop("capabilities", UNSET)
        capabilities: list[WorkforceCapability] | Unset = UNSET
        if _capabilities is not UNSET:
            capabilities = []
            for capabilities_item_data in _capabilities:
                capabilities_item = WorkforceCapability(capabilities_item_data)

                capabilities.append(capabilities_item)

        update_workforce_member_request = cls(
            display_name=display_name,
            capabilities=capabilities,
        )

        return update_workforce_member_request
