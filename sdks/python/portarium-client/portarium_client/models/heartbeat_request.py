from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.heartbeat_request_status import HeartbeatRequestStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.heartbeat_request_metrics import HeartbeatRequestMetrics
    from ..models.location import Location


T = TypeVar("T", bound="HeartbeatRequest")


@_attrs_define
class HeartbeatRequest:
    """A sign of life.

    Attributes:
        status (HeartbeatRequestStatus | Unset):  Default: HeartbeatRequestStatus.OK.
        metrics (HeartbeatRequestMetrics | Unset):
        location (Location | Unset): Where something is, in degrees.
        status_message (str | Unset):
    """

    status: HeartbeatRequestStatus | Unset = HeartbeatRequestStatus.OK
    metrics: HeartbeatRequestMetrics | Unset = UNSET
    location: Location | Unset = UNSET
    status_message: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        status: str | Unset = UNSET
        if not isinstance(self.status, Unset):
            status = self.status.value

        metrics: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metrics, Unset):
            metrics = self.metrics.to_dict()

        location: dict[str, Any] | Unset = UNSET
        if not isinstance(self.location, Unset):
            location = self.location.to_dict()

        status_message = self.status_message

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if status is not UNSET:
            field_dict["status"] = status
        if metrics is not UNSET:
            field_dict["metrics"] = metrics
        if location is not UNSET:
            field_dict["location"] = location
        if status_message is not UNSET:
            field_dict["statusMessage"] = status_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.heartbeat_request_metrics import HeartbeatRequestMetrics  # noqa: PLC0415
        from ..models.location import Location  # noqa: PLC0415

        d = dict(src_dict)
        _status = d.pop("status", UNSET)
        status: HeartbeatRequestStatus | Unset
        if isinstance(_status, Unset):
            status = UNSET
        else:
            status = HeartbeatRequestStatus(_status)

        _metrics = d.pop("metrics", UNSET)
        metrics: HeartbeatRequestMetrics | Unset
        if isinstance(_metrics, Unset):
            metrics = UNSET
        else:
            metrics = HeartbeatRequestMetrics.from_dict(_metrics)

        _location = d.pop("location", UNSET)
        location: Location | Unset
        if isinstance(_location, Unset):
            location = UNSET
        else:
            location = Location.from_dict(_location)

        status_message = d.pop("statusMessage", UNSET)

        heartbeat_request = cls(
            status=status,
            metrics=metrics,
            location=location,
            status_message=status_message,
        )

        return heartbeat_request
