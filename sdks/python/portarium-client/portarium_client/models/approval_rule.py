from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.approval_rule_roles_item import ApprovalRuleRolesItem
from ..types import UNSET, Unset

T = TypeVar("T", bound="ApprovalRule")


@_attrs_define
class ApprovalRule:
    """Who has to agree, and by when. Whoever starts a run never approves it.

    Attributes:
        quorum (int | Unset):  Default: 1.
        roles (list[ApprovalRuleRolesItem] | Unset):
        due_seconds (float | Unset):
        escalate_to (list[str] | Unset):
        escalate_after_seconds (float | Unset):
        assignee_user_id (str | Unset):
    """

    quorum: int | Unset = 1
    roles: list[ApprovalRuleRolesItem] | Unset = UNSET
    due_seconds: float | Unset = UNSET
    escalate_to: list[str] | Unset = UNSET
    escalate_after_seconds: float | Unset = UNSET
    assignee_user_id: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        quorum = self.quorum

        roles: list[str] | Unset = UNSET
        if not isinstance(self.roles, Unset):
            roles = []
            for roles_item_data in self.roles:
                roles_item = roles_item_data.value
                roles.append(roles_item)

        due_seconds = self.due_seconds

        escalate_to: list[str] | Unset = UNSET
        if not isinstance(self.escalate_to, Unset):
            escalate_to = self.escalate_to

        escalate_after_seconds = self.escalate_after_seconds

        assignee_user_id = self.assignee_user_id

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if quorum is not UNSET:
            field_dict["quorum"] = quorum
        if roles is not UNSET:
            field_dict["roles"] = roles
        if due_seconds is not UNSET:
            field_dict["dueSeconds"] = due_seconds
        if escalate_to is not UNSET:
            field_dict["escalateTo"] = escalate_to
        if escalate_after_seconds is not UNSET:
            field_dict["escalateAfterSeconds"] = escalate_after_seconds
        if assignee_user_id is not UNSET:
            field_dict["assigneeUserId"] = assignee_user_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        quorum = d.pop("quorum", UNSET)

        _roles = d.pop("roles", UNSET)
        roles: list[ApprovalRuleRolesItem] | Unset = UNSET
        if _roles is not UNSET:
            roles = []
            for roles_item_data in _roles:
                roles_item = ApprovalRuleRolesItem(roles_item_data)

                roles.append(roles_item)

        due_seconds = d.pop("dueSeconds", UNSET)

        escalate_to = cast(list[str], d.pop("escalateTo", UNSET))

        escalate_after_seconds = d.pop("escalateAfterSeconds", UNSET)

        assignee_user_id = d.pop("assigneeUserId", UNSET)

        approval_rule = cls(
            quorum=quorum,
            roles=roles,
            due_seconds=due_seconds,
            escalate_to=escalate_to,
            escalate_after_seconds=escalate_after_seconds,
            assignee_user_id=assignee_user_id,
        )

        return approval_rule
