from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="User")


@_attrs_define
class User:
    """A person who takes part in a workspace.

    Attributes:
        user_id (str):
        workspace_id (str):
        email (str):
        roles (list[UserRole]):
        active (bool):
        created_at_iso (datetime.datetime):
        display_name (str | Unset):
    """

    user_id: str
    workspace_id: str
    email: str
    roles: list[UserRole]
    active: bool
    created_at_iso: datetime.datetime
    display_name: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        user_id = self.user_id

        workspace_id = self.workspace_id

        email = self.email

        roles = []
        for roles_item_data in self.roles:
            roles_item = roles_item_data.value
            roles.append(roles_item)

        active = self.active

        created_at_iso = self.created_at_iso.isoformat()

        display_name = self.display_name

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "userId": user_id,
                "workspaceId": workspace_id,
                "email": email,
                "roles": roles,
                "active": active,
                "createdAtIso": created_at_iso,
            }
        )
        if display_name is not UNSET:
            field_dict["displayName"] = display_name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_id = d.pop("userId")

        workspace_id = d.pop("workspaceId")

        email = d.pop("email")

        roles = []
        _roles = d.pop("roles")
        for roles_item_data in _roles:
            roles_item = UserRole(roles_item_data)

            roles.append(roles_item)

        active = d.pop("active")

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        display_name = d.pop("displayName", UNSET)

        user = cls(
            user_id=user_id,
            workspace_id=workspace_id,
            email=email,
            roles=roles,
            active=active,
            created_at_iso=created_at_iso,
            display_name=display_name,
        )

        user.additional_properties = d
        return user

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
