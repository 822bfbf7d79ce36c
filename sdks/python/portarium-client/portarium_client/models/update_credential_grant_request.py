from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="UpdateCredentialGrantRequest")


@_attrs_define
class UpdateCredentialGrantRequest:
    """Changes to a grant, at least one.

    Attributes:
        scope (str | Unset):
        expires_at_iso (datetime.datetime | Unset):
    """

    scope: str | Unset = UNSET
    expires_at_iso: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        scope = self.scope

        expires_at_iso: str | Unset = UNSET
        if not isinstance(self.expires_at_iso, Unset):
            expires_at_iso = self.expires_at_iso.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if scope is not UNSET:
            field_dict["scope"] = scope
        if expires_at_iso is not UNSET:
            field_dict["expiresAtIso"] = expires_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        scope = d.pop("scope", UNSET)

        _expires_at_iso = d.pop("expiresAtIso", UNSET)
        expires_at_iso: datetime.datetime | Unset
        if isinstance(_expires_at_iso, Unset):
            expires_at_iso = UNSET
        else:
            expires_at_iso = datetime.datetime.fromisoformat(_expires_at_iso)

        update_credential_grant_request = cls(
            scope=scope,
            expires_at_iso=expires_at_iso,
        )

        return update_credential_grant_request
