from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="AddWorkspaceUserRequest")


@_attrs_define
class AddWorkspaceUserRequest:
    """Somebody who is to take part.

    Attributes:
        email (str):
        roles (list[UserRole]):
        display_name (str | Unset):
        active (bool | Unset):  Default: True.
    """

    email: str
    roles: list[UserRole]
    display_name: str | Unset = UNSET
    active: bool | Unset = True

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        roles = []
        for roles_item_data in self.roles:
            roles_item = roles_item_data.value
            roles.append(roles_item)

        display_name = self.display_name

        active = self.active

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "roles": roles,
            }
        )
        if display_name is not UNSET:
            field_dict["displayName"] = display_name
        if active is not UNSET:
            field_dict["active"] = active

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        roles = []
        _roles = d.pop("roles")
        for roles_item_data in _roles:
            roles_item = UserRole(roles_item_data)

            roles.append(roles_item)

        display_name = d.pop("displayName", UNSET)

        active = d.pop("active", UNSET)

        add_workspace_user_request = cls(
            email=email,
            roles=roles,
            display_name=display_name,
            active=active,
        )

        return add_workspace_user_request
