from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="CredentialReference")


@_attrs_define
class CredentialReference:
    """Which credential an invocation may use, and for what. The machine knows how to get it.

    Attributes:
        credentials_ref (str):
        scope (str):
    """

    credentials_ref: str
    scope: str

    def to_dict(self) -> dict[str, Any]:
        credentials_ref = self.credentials_ref

        scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "credentialsRef": credentials_ref,
                "scope": scope,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        credentials_ref = d.pop("credentialsRef")

        scope = d.pop("scope")

        credential_reference = cls(
            credentials_ref=credentials_ref,
            scope=scope,
        )

        return credential_reference
