from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="KnownQuality")


@_attrs_define
class KnownQuality:
    """How good a position is.

    Attributes:
        status (Literal['Known']):
        horizontal_std_dev_meters (float):
        vertical_std_dev_meters (float | Unset):
    """

    status: Literal["Known"]
    horizontal_std_dev_meters: float
    vertical_std_dev_meters: float | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        status = self.status

        horizontal_std_dev_meters = self.horizontal_std_dev_meters

        vertical_std_dev_meters = self.vertical_std_dev_meters

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "horizontalStdDevMeters": horizontal_std_dev_meters,
            }
        )
        if vertical_std_dev_meters is not UNSET:
            field_dict["verticalStdDevMeters"] = vertical_std_dev_meters

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = cast(Literal["Known"], d.pop("status"))
        if status != "Known":
            raise ValueError(f"status must match const 'Known', got '{status}'")

        horizontal_std_dev_meters = d.pop("horizontalStdDevMeters")

        vertical_std_dev_meters = d.pop("verticalStdDevMeters", UNSET)

        known_quality = cls(
            status=status,
            horizontal_std_dev_meters=horizontal_std_dev_meters,
            vertical_std_dev_meters=vertical_std_dev_meters,
        )

        return known_quality
