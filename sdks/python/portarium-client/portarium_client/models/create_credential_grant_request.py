from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateCredentialGrantRequest")


@_attrs_define
class CreateCredentialGrantRequest:
    """A new grant.

    Attributes:
        adapter_id (str):
        credentials_ref (str):
        scope (str):
        expires_at_iso (datetime.datetime | Unset):
    """

    adapter_id: str
    credentials_ref: str
    scope: str
    expires_at_iso: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        adapter_id = self.adapter_id

        credentials_ref = self.credentials_ref

        scope = self.scope

        expires_at_iso: str | Unset = UNSET
        if not isinstance(self.expires_at_iso, Unset):
            expires_at_iso = self.expires_at_iso.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "adapterId": adapter_id,
                "credentialsRef": credentials_ref,
                "scope": scope,
            }
        )
        if expires_at_iso is not UNSET:
            field_dict["expiresAtIso"] = expires_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        adapter_id = d.pop("adapterId")

        credentials_ref = d.pop("credentialsRef")

        scope = d.pop("scope")

        _expires_at_iso = d.pop("expiresAtIso", UNSET)
        expires_at_iso: datetime.datetime | Unset
        if isinstance(_expires_at_iso, Unset):
            expires_at_iso = UNSET
        else:
            expires_at_iso = datetime.datetime.fromisoformat(_expires_at_iso)

        create_credential_grant_request = cls(
            adapter_id=adapter_id,
            credentials_ref=credentials_ref,
            scope=scope,
            expires_at_iso=expires_at_iso,
        )

        return create_credential_grant_request
