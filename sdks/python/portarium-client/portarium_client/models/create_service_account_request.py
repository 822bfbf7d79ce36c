from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateServiceAccountRequest")


@_attrs_define
class CreateServiceAccountRequest:
    """A program that is to take part.

    Attributes:
        name (str):
        roles (list[UserRole]):
        expires_in_seconds (int | Unset):
    """

    name: str
    roles: list[UserRole]
    expires_in_seconds: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        roles = []
        for roles_item_data in self.roles:
            roles_item = roles_item_data.value
            roles.append(roles_item)

        expires_in_seconds = self.expires_in_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "roles": roles,
            }
        )
        if expires_in_seconds is not UNSET:
            field_dict["expiresInSeconds"] = expires_in_seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        roles = []
        _roles = d.pop("roles")
        for roles_item_data in _roles:
            roles_item = UserRole(roles_item_data)

            roles.append(roles_item)

        expires_in_seconds = d.pop("expiresInSeconds", UNSET)

        create_service_account_request = cls(
            name=name,
            roles=roles,
            expires_in_seconds=expires_in_seconds,
        )

        return create_service_account_request
