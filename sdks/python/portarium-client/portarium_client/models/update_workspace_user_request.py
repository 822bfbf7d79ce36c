from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateWorkspaceUserRequest")


@_attrs_define
class UpdateWorkspaceUserRequest:
    """What is to change about somebody.

    Attributes:
        display_name (str | Unset):
        roles (list[UserRole] | Unset):
        active (bool | Unset):
    """

    display_name: str | Unset = UNSET
    roles: list[UserRole] | Unset = UNSET
    active: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        display_name = self.display_name

        roles: list[str] | Unset = UNSET
        if not isinstance(self.roles, Unset):
            roles = []
            for roles_item_data in self.roles:
                roles_item = roles_item_data.value
                roles.append(roles_item)

        active = self.active

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if display_name is not UNSET:
            field_dict["displayName"] = display_name
        if roles is not UNSET:
            field_dict["roles"] = roles
        if active is not UNSET:
            field_dict["active"] = active

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        display_name = d.pop("displayName", UNSET)

        _roles = d.pop("roles", UNSET)
        roles: list[UserRole] | Unset = UNSET
        if _roles is not UNSET:
            roles = []
            for roles_item_data in _roles:
                roles_item = UserRole(roles_item_data)

                roles.append(roles_item)

        active = d.pop("active", UNSET)

        update_workspace_user_request = cls(
            display_name=display_name,
            roles=roles,
            active=active,
        )

        return update_workspace_user_request
