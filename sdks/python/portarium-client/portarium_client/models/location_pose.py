from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="LocationPose")


@_attrs_define
class LocationPose:
    """A position and a heading, in metres and radians of its coordinate frame.

    Attributes:
        x (float):
        y (float):
        z (float):
        yaw_radians (float):
    """

    x: float
    y: float
    z: float
    yaw_radians: float

    def to_dict(self) -> dict[str, Any]:
        x = self.x

        y = self.y

        z = self.z

        yaw_radians = self.yaw_radians

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "x": x,
                "y": y,
                "z": z,
                "yawRadians": yaw_radians,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        x = d.pop("x")

        y = d.pop("y")

        z = d.pop("z")

        yaw_radians = d.pop("yawRadians")

        location_pose = cls(
            x=x,
            y=y,
            z=z,
            yaw_radians=yaw_radians,
        )

        return location_pose
