from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EvidenceAdapter")


@_attrs_define
class EvidenceAdapter:
    """An adapter to a system outside did it.

    Attributes:
        kind (Literal['Adapter']):
        adapter_id (str):
    """

    kind: Literal["Adapter"]
    adapter_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        adapter_id = self.adapter_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
                "adapterId": adapter_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["Adapter"], d.pop("kind"))
        if kind != "Adapter":
            raise ValueError(f"kind must match const 'Adapter', got '{kind}'")

        adapter_id = d.pop("adapterId")

        evidence_adapter = cls(
            kind=kind,
            adapter_id=adapter_id,
        )

        evidence_adapter.additional_properties = d
        return evidence_adapter

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
