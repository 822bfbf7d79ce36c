from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="EnrolmentToken")


@_attrs_define
class EnrolmentToken:
    """Lets a machine enrol, once. It is shown once.

    Attributes:
        machine_id (str):
        expires_at_iso (datetime.datetime):
        token (str | Unset):
    """

    machine_id: str
    expires_at_iso: datetime.datetime
    token: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        machine_id = self.machine_id

        expires_at_iso = self.expires_at_iso.isoformat()

        token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "machineId": machine_id,
                "expiresAtIso": expires_at_iso,
            }
        )
        if token is not UNSET:
            field_dict["token"] = token

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        machine_id = d.pop("machineId")

        expires_at_iso = datetime.datetime.fromisoformat(d.pop("expiresAtIso"))

        token = d.pop("token", UNSET)

        enrolment_token = cls(
            machine_id=machine_id,
            expires_at_iso=expires_at_iso,
            token=token,
        )

        enrolment_token.additional_properties = d
        return enrolment_token

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
