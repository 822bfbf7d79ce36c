from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="ServiceAccount")


@_attrs_define
class ServiceAccount:
    """A program, or a machine, that takes part in a workspace.

    Attributes:
        client_id (str):
        workspace_id (str):
        user_id (str):
        name (str):
        roles (list[UserRole]):
        created_at_iso (datetime.datetime):
        machine_id (str | Unset):
        expires_at_iso (datetime.datetime | Unset):
        revoked_at_iso (datetime.datetime | Unset):
        last_used_at_iso (datetime.datetime | Unset):
        client_secret (str | Unset):
    """

    client_id: str
    workspace_id: str
    user_id: str
    name: str
    roles: list[UserRole]
    created_at_iso: datetime.datetime
    machine_id: str | Unset = UNSET
    expires_at_iso: datetime.datetime | Unset = UNSET
    revoked_at_iso: datetime.datetime | Unset = UNSET
    last_used_at_iso: datetime.datetime | Unset = UNSET
    client_secret: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        workspace_id = self.workspace_id

        user_id = self.user_id

        name = self.name

        roles = []
        for roles_item_data in self.roles:
            roles_item = roles_item_data.value
            roles.append(roles_item)

        created_at_iso = self.created_at_iso.isoformat()

        machine_id = self.machine_id

        expires_at_iso: str | Unset = UNSET
        if not isinstance(self.expires_at_iso, Unset):
            expires_at_iso = self.expires_at_iso.isoformat()

        revoked_at_iso: str | Unset = UNSET
        if not isinstance(self.revoked_at_iso, Unset):
            revoked_at_iso = self.revoked_at_iso.isoformat()

        last_used_at_iso: str | Unset = UNSET
        if not isinstance(self.last_used_at_iso, Unset):
            last_used_at_iso = self.last_used_at_iso.isoformat()

        client_secret = self.client_secret

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "clientId": client_id,
                "workspaceId": workspace_id,
                "userId": user_id,
                "name": name,
                "roles": roles,
                "createdAtIso": created_at_iso,
            }
        )
        if machine_id is not UNSET:
            field_dict["machineId"] = machine_id
        if expires_at_iso is not UNSET:
            field_dict["expiresAtIso"] = expires_at_iso
        if revoked_at_iso is not UNSET:
            field_dict["revokedAtIso"] = revoked_at_iso
        if last_used_at_iso is not UNSET:
            field_dict["lastUsedAtIso"] = last_used_at_iso
        if client_secret is not UNSET:
            field_dict["clientSecret"] = client_secret

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_id = d.pop("clientId")

        workspace_id = d.pop("workspaceId")

        user_id = d.pop("userId")

        name = d.pop("name")

        roles = []
        _roles = d.pop("roles")
        for roles_item_data in _roles:
            roles_item = UserRole(roles_item_data)

            roles.append(roles_item)

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        machine_id = d.pop("machineId", UNSET)

        _expires_at_iso = d.pop("expiresAtIso", UNSET)
        expires_at_iso: datetime.datetime | Unset
        if isinstance(_expires_at_iso, Unset):
            expires_at_iso = UNSET
        else:
            expires_at_iso = datetime.datetime.fromisoformat(_expires_at_iso)

        _revoked_at_iso = d.pop("revokedAtIso", UNSET)
        revoked_at_iso: datetime.datetime | Unset
        if isinstance(_revoked_at_iso, Unset):
            revoked_at_iso = UNSET
        else:
            revoked_at_iso = datetime.datetime.fromisoformat(_revoked_at_iso)

        _last_used_at_iso = d.pop("lastUsedAtIso", UNSET)
        last_used_at_iso: datetime.datetime | Unset
        if isinstance(_last_used_at_iso, Unset):
            last_used_at_iso = UNSET
        else:
            last_used_at_iso = datetime.datetime.fromisoformat(_last_used_at_iso)

        client_secret = d.pop("clientSecret", UNSET)

        service_account = cls(
            client_id=client_id,
            workspace_id=workspace_id,
            user_id=user_id,
            name=name,
            roles=roles,
            created_at_iso=created_at_iso,
            machine_id=machine_id,
            expires_at_iso=expires_at_iso,
            revoked_at_iso=revoked_at_iso,
            last_used_at_iso=last_used_at_iso,
            client_secret=client_secret,
        )

        service_account.additional_properties = d
        return service_account

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
