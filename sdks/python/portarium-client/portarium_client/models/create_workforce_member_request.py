from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.workforce_capability import WorkforceCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateWorkforceMemberRequest")


@_attrs_define
class CreateWorkforceMemberRequest:
    """A user who can be given work from now on.

    Attributes:
        linked_user_id (str):
        capabilities (list[WorkforceCapability]):
        display_name (str | Unset):
    """

    linked_user_id: str
    capabilities: list[WorkforceCapability]
    display_name: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        linked_user_id = self.linked_user_id

        capabilities = []
        for capabilities_item_data in self.capabilities:
            capabilities_item = capabilities_item_data.value
            capabilities.append(capabilities_item)

        display_name = self.display_name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "linkedUserId": linked_user_id,
                "capabilities": capabilities,
            }
        )
        if display_name is not UNSET:
            field_dict["displayName"] = display_name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        linked_user_id = d.pop("linkedUserId")

        capabilities = []
        _capabilities = d.pop("capabilities")
        for capabilities_item_data in _capabilities:
            capabilities_item = WorkforceCapability(capabilities_item_data)

            capabilities.append(capabilities_item)

        display_name = d.pop("displayName", UNSET)

        create_workforce_member_request = cls(
            linked_user_id=linked_user_id,
            capabilities=capabilities,
            display_name=display_name,
        )

        return create_workforce_member_request
