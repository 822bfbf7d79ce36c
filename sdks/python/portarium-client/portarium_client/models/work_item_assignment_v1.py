from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="WorkItemAssignmentV1")


@_attrs_define
class WorkItemAssignmentV1:
    """Who works on it.

    Attributes:
        work_item_id (str):
        owner_user_id (str | Unset):
        workforce_member_id (str | Unset):
    """

    work_item_id: str
    owner_user_id: str | Unset = UNSET
    workforce_member_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        work_item_id = self.work_item_id

        owner_user_id = self.owner_user_id

        workforce_member_id = self.workforce_member_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "workItemId": work_item_id,
            }
        )
        if owner_user_id is not UNSET:
            field_dict["ownerUserId"] = owner_user_id
        if workforce_member_id is not UNSET:
            field_dict["workforceMemberId"] = workforce_member_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        work_item_id = d.pop("workItemId")

        owner_user_id = d.pop("ownerUserId", UNSET)

        workforce_member_id = d.pop("workforceMemberId", UNSET)

        work_item_assignment_v1 = cls(
            work_item_id=work_item_id,
            owner_user_id=owner_user_id,
            workforce_member_id=workforce_member_id,
        )

        work_item_assignment_v1.additional_properties = d
        return work_item_assignment_v1

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
