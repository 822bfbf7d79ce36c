from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.map_layer_type import MapLayerType
from ..types import UNSET, Unset

T = TypeVar("T", bound="MapLayerV1")


@_attrs_define
class MapLayerV1:
    """A layer of a map.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        map_layer_id (str):
        tenant_id (str):
        site_id (str):
        floor_id (str):
        layer_type (MapLayerType): What a layer of a map shows.
        coordinate_frame (str):
        version (int):
        valid_from_iso (datetime.datetime):
        valid_to_iso (datetime.datetime | Unset):
    """

    map_layer_id: str
    tenant_id: str
    site_id: str
    floor_id: str
    layer_type: MapLayerType
    coordinate_frame: str
    version: int
    valid_from_iso: datetime.datetime
    schema_version: Literal[1] = 1
    valid_to_iso: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        map_layer_id = self.map_layer_id

        tenant_id = self.tenant_id

        site_id = self.site_id

        floor_id = self.floor_id

        layer_type = self.layer_type.value

        coordinate_frame = self.coordinate_frame

        version = self.version

        valid_from_iso = self.valid_from_iso.isoformat()

        valid_to_iso: str | Unset = UNSET
        if not isinstance(self.valid_to_iso, Unset):
            valid_to_iso = self.valid_to_iso.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "mapLayerId": map_layer_id,
                "tenantId": tenant_id,
                "siteId": site_id,
                "floorId": floor_id,
                "layerType": layer_type,
                "coordinateFrame": coordinate_frame,
                "version": version,
                "validFromIso": valid_from_iso,
            }
        )
        if valid_to_iso is not UNSET:
            field_dict["validToIso"] = valid_to_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        map_layer_id = d.pop("mapLayerId")

        tenant_id = d.pop("tenantId")

        site_id = d.pop("siteId")

        floor_id = d.pop("floorId")

        layer_type = MapLayerType(d.pop("layerType"))

        coordinate_frame = d.pop("coordinateFrame")

        version = d.pop("version")

        valid_from_iso = datetime.datetime.fromisoformat(d.pop("validFromIso"))

        _valid_to_iso = d.pop("validToIso", UNSET)
        valid_to_iso: datetime.datetime | Unset
        if isinstance(_valid_to_iso, Unset):
            valid_to_iso = UNSET
        else:
            valid_to_iso = datetime.datetime.fromisoformat(_valid_to_iso)

        map_layer_v1 = cls(
            schema_version=schema_version,
            map_layer_id=map_layer_id,
            tenant_id=tenant_id,
            site_id=site_id,
            floor_id=floor_id,
            layer_type=layer_type,
            coordinate_frame=coordinate_frame,
            version=version,
            valid_from_iso=valid_from_iso,
            valid_to_iso=valid_to_iso,
        )

        map_layer_v1.additional_properties = d
        return map_layer_v1

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
