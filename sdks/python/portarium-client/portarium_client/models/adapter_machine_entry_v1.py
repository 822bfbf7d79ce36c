from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="AdapterMachineEntryV1")


@_attrs_define
class AdapterMachineEntryV1:
    """A machine that an adapter's work may go to.

    Attributes:
        machine_id (str):
        endpoint_url (str):
        active (bool):
        display_name (str | Unset):
        auth_hint (str | Unset):
    """

    machine_id: str
    endpoint_url: str
    active: bool
    display_name: str | Unset = UNSET
    auth_hint: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        machine_id = self.machine_id

        endpoint_url = self.endpoint_url

        active = self.active

        display_name = self.display_name

        auth_hint = self.auth_hint

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "machineId": machine_id,
                "endpointUrl": endpoint_url,
                "active": active,
            }
        )
        if display_name is not UNSET:
            field_dict["displayName"] = display_name
        if auth_hint is not UNSET:
            field_dict["authHint"] = auth_hint

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        machine_id = d.pop("machineId")

        endpoint_url = d.pop("endpointUrl")

        active = d.pop("active")

        display_name = d.pop("displayName", UNSET)

        auth_hint = d.pop("authHint", UNSET)

        adapter_machine_entry_v1 = cls(
            machine_id=machine_id,
            endpoint_url=endpoint_url,
            active=active,
            display_name=display_name,
            auth_hint=auth_hint,
        )

        return adapter_machine_entry_v1
