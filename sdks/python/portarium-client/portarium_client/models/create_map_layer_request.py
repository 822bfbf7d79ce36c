from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.map_layer_type import MapLayerType
from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateMapLayerRequest")


@_attrs_define
class CreateMapLayerRequest:
    """A new layer, or a new version of one.

    Attributes:
        site_id (str):
        floor_id (str):
        layer_type (MapLayerType): What a layer of a map shows.
        coordinate_frame (str):
        valid_from_iso (datetime.datetime):
        version (int | Unset):  Default: 1.
        valid_to_iso (datetime.datetime | Unset):
    """

    site_id: str
    floor_id: str
    layer_type: MapLayerType
    coordinate_frame: str
    valid_from_iso: datetime.datetime
    version: int | Unset = 1
    valid_to_iso: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        site_id = self.site_id

        floor_id = self.floor_id

        layer_type = self.layer_type.value

        coordinate_frame = self.coordinate_frame

        valid_from_iso = self.valid_from_iso.isoformat()

        version = self.version

        valid_to_iso: str | Unset = UNSET
        if not isinstance(self.valid_to_iso, Unset):
            valid_to_iso = self.valid_to_iso.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "siteId": site_id,
                "floorId": floor_id,
                "layerType": layer_type,
                "coordinateFrame": coordinate_frame,
                "validFromIso": valid_from_iso,
            }
        )
        if version is not UNSET:
            field_dict["version"] = version
        if valid_to_iso is not UNSET:
            field_dict["validToIso"] = valid_to_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        site_id = d.pop("siteId")

        floor_id = d.pop("floorId")

        layer_type = MapLayerType(d.pop("layerType"))

        coordinate_frame = d.pop("coordinateFrame")

        valid_from_iso = datetime.datetime.fromisoformat(d.pop("validFromIso"))

        version = d.pop("version", UNSET)

        _valid_to_iso = d.pop("validToIso", UNSET)
        valid_to_iso: datetime.datetime | Unset
        if isinstance(_valid_to_iso, Unset):
            valid_to_iso = UNSET
        else:
            valid_to_iso = datetime.datetime.fromisoformat(_valid_to_iso)

        create_map_layer_request = cls(
            site_id=site_id,
            floor_id=floor_id,
            layer_type=layer_type,
            coordinate_frame=coordinate_frame,
            valid_from_iso=valid_from_iso,
            version=version,
            valid_to_iso=valid_to_iso,
        )

        return create_map_layer_request
