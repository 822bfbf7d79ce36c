from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="CredentialGrantV1")


@_attrs_define
class CredentialGrantV1:
    """What an adapter may use, by reference: the credential itself stays where it is.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        credential_grant_id (str):
        workspace_id (str):
        adapter_id (str):
        credentials_ref (str):
        scope (str):
        issued_at_iso (datetime.datetime):
        expires_at_iso (datetime.datetime | Unset):
        last_rotated_at_iso (datetime.datetime | Unset):
        revoked_at_iso (datetime.datetime | Unset):
    """

    credential_grant_id: str
    workspace_id: str
    adapter_id: str
    credentials_ref: str
    scope: str
    issued_at_iso: datetime.datetime
    schema_version: Literal[1] = 1
    expires_at_iso: datetime.datetime | Unset = UNSET
    last_rotated_at_iso: datetime.datetime | Unset = UNSET
    revoked_at_iso: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        credential_grant_id = self.credential_grant_id

        workspace_id = self.workspace_id

        adapter_id = self.adapter_id

        credentials_ref = self.credentials_ref

        scope = self.scope

        issued_at_iso = self.issued_at_iso.isoformat()

        expires_at_iso: str | Unset = UNSET
        if not isinstance(self.expires_at_iso, Unset):
            expires_at_iso = self.expires_at_iso.isoformat()

        last_rotated_at_iso: str | Unset = UNSET
        if not isinstance(self.last_rotated_at_iso, Unset):
            last_rotated_at_iso = self.last_rotated_at_iso.isoformat()

        revoked_at_iso: str | Unset = UNSET
        if not isinstance(self.revoked_at_iso, Unset):
            revoked_at_iso = self.revoked_at_iso.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "credentialGrantId": credential_grant_id,
                "workspaceId": workspace_id,
                "adapterId": adapter_id,
                "credentialsRef": credentials_ref,
                "scope": scope,
                "issuedAtIso": issued_at_iso,
            }
        )
        if expires_at_iso is not UNSET:
            field_dict["expiresAtIso"] = expires_at_iso
        if last_rotated_at_iso is not UNSET:
            field_dict["lastRotatedAtIso"] = last_rotated_at_iso
        if revoked_at_iso is not UNSET:
            field_dict["revokedAtIso"] = revoked_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        credential_grant_id = d.pop("credentialGrantId")

        workspace_id = d.pop("workspaceId")

        adapter_id = d.pop("adapterId")

        credentials_ref = d.pop("credentialsRef")

        scope = d.pop("scope")

        issued_at_iso = datetime.datetime.fromisoformat(d.pop("issuedAtIso"))

        _expires_at_iso = d.pop("expiresAtIso", UNSET)
        expires_at_iso: datetime.datetime | Unset
        if isinstance(_expires_at_iso, Unset):
            expires_at_iso = UNSET
        else:
            expires_at_iso = datetime.datetime.fromisoformat(_expires_at_iso)

        _last_rotated_at_iso = d.pop("lastRotatedAtIso", UNSET)
        last_rotated_at_iso: datetime.datetime | Unset
        if isinstance(_last_rotated_at_iso, Unset):
            last_rotated_at_iso = UNSET
        else:
            last_rotated_at_iso = datetime.datetime.fromisoformat(_last_rotated_at_iso)

        _revoked_at_iso = d.pop("revokedAtIso", UNSET)
        revoked_at_iso: datetime.datetime | Unset
        if isinstance(_revoked_at_iso, Unset):
            revoked_at_iso = UNSET
        else:
            revoked_at_iso = datetime.datetime.fromisoformat(_revoked_at_iso)

        credential_grant_v1 = cls(
            schema_version=schema_version,
            credential_grant_id=credential_grant_id,
            workspace_id=workspace_id,
            adapter_id=adapter_id,
            credentials_ref=credentials_ref,
            scope=scope,
            issued_at_iso=issued_at_iso,
            expires_at_iso=expires_at_iso,
            last_rotated_at_iso=last_rotated_at_iso,
            revoked_at_iso=revoked_at_iso,
        )

        credential_grant_v1.additional_properties = d
        return credential_grant_v1

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
