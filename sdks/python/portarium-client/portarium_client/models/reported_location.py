from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.location_source_type import LocationSourceType
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.known_quality import KnownQuality
    from ..models.location_pose import LocationPose
    from ..models.unknown_quality import UnknownQuality


T = TypeVar("T", bound="ReportedLocation")


@_attrs_define
class ReportedLocation:
    """Where something was, as it is reported. The site and the floor are for filters.

    Attributes:
        asset_id (str):
        source_stream_id (str):
        source_type (LocationSourceType): How a position was found.
        coordinate_frame (str):
        observed_at_iso (datetime.datetime):
        pose (LocationPose): A position and a heading, in metres and radians of its coordinate frame.
        quality (KnownQuality | UnknownQuality):
        robot_id (str | Unset):
        site_id (str | Unset):
        floor_id (str | Unset):
    """

    asset_id: str
    source_stream_id: str
    source_type: LocationSourceType
    coordinate_frame: str
    observed_at_iso: datetime.datetime
    pose: LocationPose
    quality: KnownQuality | UnknownQuality
    robot_id: str | Unset = UNSET
    site_id: str | Unset = UNSET
    floor_id: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.known_quality import KnownQuality  # noqa: PLC0415

        asset_id = self.asset_id

        source_stream_id = self.source_stream_id

        source_type = self.source_type.value

        coordinate_frame = self.coordinate_frame

        observed_at_iso = self.observed_at_iso.isoformat()

        pose = self.pose.to_dict()

        quality: dict[str, Any]
        if isinstance(self.quality, KnownQuality):
            quality = self.quality.to_dict()
        else:
            quality = self.quality.to_dict()

        robot_id = self.robot_id

        site_id = self.site_id

        floor_id = self.floor_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "assetId": asset_id,
                "sourceStreamId": source_stream_id,
                "sourceType": source_type,
                "coordinateFrame": coordinate_frame,
                "observedAtIso": observed_at_iso,
                "pose": pose,
                "quality": quality,
            }
        )
        if robot_id is not UNSET:
            field_dict["robotId"] = robot_id
        if site_id is not UNSET:
            field_dict["siteId"] = site_id
        if floor_id is not UNSET:
            field_dict["floorId"] = floor_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.known_quality import KnownQuality  # noqa: PLC0415
        from ..models.location_pose import LocationPose  # noqa: PLC0415
        from ..models.unknown_quality import UnknownQuality  # noqa: PLC0415

        d = dict(src_dict)
        asset_id = d.pop("assetId")

        source_stream_id = d.pop("sourceStreamId")

        source_type = LocationSourceType(d.pop("sourceType"))

        coordinate_frame = d.pop("coordinateFrame")

        observed_at_iso = datetime.datetime.fromisoformat(d.pop("observedAtIso"))

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

        robot_id = d.pop("robotId", UNSET)

        site_id = d.pop("siteId", UNSET)

        floor_id = d.pop("floorId", UNSET)

        reported_location = cls(
            asset_id=asset_id,
            source_stream_id=source_stream_id,
            source_type=source_type,
            coordinate_frame=coordinate_frame,
            observed_at_iso=observed_at_iso,
            pose=pose,
            quality=quality,
            robot_id=robot_id,
            site_id=site_id,
            floor_id=floor_id,
        )

        return reported_location
