from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="UpdateApprovalRequest")


@_attrs_define
class UpdateApprovalRequest:
    """Ask somebody else.

    Attributes:
        assignee_user_id (str):
    """

    assignee_user_id: str

    def to_dict(self) -> dict[str, Any]:
        assignee_user_id = self.assignee_user_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "assigneeUserId": assignee_user_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        assignee_user_id = d.pop("assigneeUserId")

        update_approval_request = cls(
            assignee_user_id=assignee_user_id,
        )

        return update_approval_request
