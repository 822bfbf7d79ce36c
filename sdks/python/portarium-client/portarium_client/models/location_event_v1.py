from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.location_source_type import LocationSourceType
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.known_quality import KnownQuality
    from ..models.location_pose import LocationPose
    from ..models.unknown_quality import UnknownQuality


T = TypeVar("T", bound="LocationEventV1")


@_attrs_define
class LocationEventV1:
    """Where something was at a moment.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        location_event_id (str):
        tenant_id (str):
        asset_id (str):
        source_stream_id (str):
        source_type (LocationSourceType): How a position was found.
        coordinate_frame (str):
        observed_at_iso (datetime.datetime):
        ingested_at_iso (datetime.datetime):
        pose (LocationPose): A position and a heading, in metres and radians of its coordinate frame.
        quality (KnownQuality | UnknownQuality):
        correlation_id (str):
        robot_id (str | Unset):
    """

    location_event_id: str
    tenant_id: str
    asset_id: str
    source_stream_id: str
    source_type: LocationSourceType
    coordinate_frame: str
    observed_at_iso: datetime.datetime
    ingested_at_iso: datetime.datetime
    pose: LocationPose
    quality: KnownQuality | UnknownQuality
    correlation_id: str
    schema_version: Literal[1] = 1
    robot_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.known_quality import KnownQuality  # noqa: PLC0415

        schema_version = self.schema_version

        location_event_id = self.location_event_id

        tenant_id = self.tenant_id

        asset_id = self.asset_id

        source_stream_id = self.source_stream_id

        source_type = self.source_type.value

        coordinate_frame = self.coordinate_frame

        observed_at_iso = self.observed_at_iso.isoformat()

        ingested_at_iso = self.ingested_at_iso.isoformat()

        pose = self.pose.to_dict()

        quality: dict[str, Any]
        if isinstance(self.quality, KnownQuality):
            quality = self.quality.to_dict()
        else:
            quality = self.quality.to_dict()

        correlation_id = self.correlation_id

        robot_id = self.robot_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "locationEventId": location_event_id,
                "tenantId": tenant_id,
                "assetId": asset_id,
                "sourceStreamId": source_stream_id,
                "sourceType": source_type,
                "coordinateFrame": coordinate_frame,
                "observedAtIso": observed_at_iso,
                "ingestedAtIso": ingested_at_iso,
                "pose": pose,
                "quality": quality,
                "correlationId": correlation_id,
            }
        )
        if robot_id is not UNSET:
            field_dict["robotId"] = robot_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.known_quality import KnownQuality  # noqa: PLC0415
        from ..models.location_pose import LocationPose  # noqa: PLC0415
        from ..models.unknown_quality import UnknownQuality  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        location_event_id = d.pop("locationEventId")

        tenant_id = d.pop("tenantId")

        asset_id = d.pop("assetId")

        source_stream_id = d.pop("sourceStreamId")

        source_type = LocationSourceType(d.pop("sourceType"))

        coordinate_frame = d.pop("coordinateFrame")

        observed_at_iso = datetime.datetime.fromisoformat(d.pop("observedAtIso"))

        ingested_at_iso = datetime.datetime.fromisoformat(d.pop("ingestedAtIso"))

        pose = LocationPose.from_dict(d.pop("pose"))

        def _parse_quality(data: object) -> KnownQuality | UnknownQuality:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                quality_type_0 = KnownQuality.from_dict(data)

                return quality_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            quality_type_1 = UnknownQuality.from_dict(data)

            return quality_type_1

        quality = _parse_quality(d.pop("quality"))

        correlation_id = d.pop("correlationId")

        robot_id = d.pop("robotId", UNSET)

        location_event_v1 = cls(
            schema_version=schema_version,
            location_event_id=location_event_id,
            tenant_id=tenant_id,
            asset_id=asset_id,
            source_stream_id=source_stream_id,
            source_type=source_type,
            coordinate_frame=coordinate_frame,
            observed_at_iso=observed_at_iso,
            ingested_at_iso=ingested_at_iso,
            pose=pose,
            quality=quality,
            correlation_id=correlation_id,
            robot_id=robot_id,
        )

        location_event_v1.additional_properties = d
        return location_event_v1

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
