from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="PutWorkItemAssignmentRequest")


@_attrs_define
class PutWorkItemAssignmentRequest:
    """Who is to work on it; null is nobody.

    Attributes:
        workforce_member_id (None | str):
    """

    workforce_member_id: None | str

    def to_dict(self) -> dict[str, Any]:
        workforce_member_id: None | str
        workforce_member_id = self.workforce_member_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "workforceMemberId": workforce_member_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_workforce_member_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        workforce_member_id = _parse_workforce_member_id(d.pop("workforceMemberId"))

        put_work_item_assignment_request = cls(
            workforce_member_id=workforce_member_id,
        )

        return put_work_item_assignment_request
