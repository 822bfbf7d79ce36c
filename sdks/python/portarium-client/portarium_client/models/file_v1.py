from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="FileV1")


@_attrs_define
class FileV1:
    """A stored file. ``{"$file": {"sha256": ..., "name": ...}}`` in an input stands for it.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        sha256 (str):
        name (str):
        size (int):
    """

    sha256: str
    name: str
    size: int
    schema_version: Literal[1] = 1
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        sha256 = self.sha256

        name = self.name

        size = self.size

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "sha256": sha256,
                "name": name,
                "size": size,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        sha256 = d.pop("sha256")

        name = d.pop("name")

        size = d.pop("size")

        file_v1 = cls(
            schema_version=schema_version,
            sha256=sha256,
            name=name,
            size=size,
        )

        file_v1.additional_properties = d
        return file_v1

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
