from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.availability_status import AvailabilityStatus

T = TypeVar("T", bound="PatchWorkforceMemberAvailabilityRequest")


@_attrs_define
class PatchWorkforceMemberAvailabilityRequest:
    """Whether they can take work.

    Attributes:
        availability_status (AvailabilityStatus): Whether somebody can take work.
    """

    availability_status: AvailabilityStatus

    def to_dict(self) -> dict[str, Any]:
        availability_status = self.availability_status.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "availabilityStatus": availability_status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        availability_status = AvailabilityStatus(d.pop("availabilityStatus"))

        patch_workforce_member_availability_request = cls(
            availability_status=availability_status,
        )

        return patch_workforce_member_availability_request
