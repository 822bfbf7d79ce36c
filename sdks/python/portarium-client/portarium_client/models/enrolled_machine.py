from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EnrolledMachine")


@_attrs_define
class EnrolledMachine:
    """A service account for a machine that has just enrolled; the secret is shown once.

    Attributes:
        machine_id (str):
        workspace_id (str):
        client_id (str):
        client_secret (str):
    """

    machine_id: str
    workspace_id: str
    client_id: str
    client_secret: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        machine_id = self.machine_id

        workspace_id = self.workspace_id

        client_id = self.client_id

        client_secret = self.client_secret

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "machineId": machine_id,
                "workspaceId": workspace_id,
                "clientId": client_id,
                "clientSecret": client_secret,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        machine_id = d.pop("machineId")

        workspace_id = d.pop("workspaceId")

        client_id = d.pop("clientId")

        client_secret = d.pop("clientSecret")

        enrolled_machine = cls(
            machine_id=machine_id,
            workspace_id=workspace_id,
            client_id=client_id,
            client_secret=client_secret,
        )

        enrolled_machine.additional_properties = d
        return enrolled_machine

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
