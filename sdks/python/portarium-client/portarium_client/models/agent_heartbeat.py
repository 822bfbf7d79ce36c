from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_heartbeat_status import AgentHeartbeatStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_heartbeat_metrics import AgentHeartbeatMetrics
    from ..models.location import Location


T = TypeVar("T", bound="AgentHeartbeat")


@_attrs_define
class AgentHeartbeat:
    """A sign of life, as it was heard.

    Attributes:
        agent_id (str):
        last_heartbeat_at_iso (datetime.datetime):
        status (AgentHeartbeatStatus):
        next_heartbeat_seconds (int):
        metrics (AgentHeartbeatMetrics | Unset):
        location (Location | Unset): Where something is, in degrees.
        status_message (str | Unset):
    """

    agent_id: str
    last_heartbeat_at_iso: datetime.datetime
    status: AgentHeartbeatStatus
    next_heartbeat_seconds: int
    metrics: AgentHeartbeatMetrics | Unset = UNSET
    location: Location | Unset = UNSET
    status_message: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        agent_id = self.agent_id

        last_heartbeat_at_iso = self.last_heartbeat_at_iso.isoformat()

        status = self.status.value

        next_heartbeat_seconds = self.next_heartbeat_seconds

        metrics: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metrics, Unset):
            metrics = self.metrics.to_dict()

        location: dict[str, Any] | Unset = UNSET
        if not isinstance(self.location, Unset):
            location = self.location.to_dict()

        status_message = self.status_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "agentId": agent_id,
                "lastHeartbeatAtIso": last_heartbeat_at_iso,
                "status": status,
                "nextHeartbeatSeconds": next_heartbeat_seconds,
            }
        )
        if metrics is not UNSET:
            field_dict["metrics"] = metrics
        if location is not UNSET:
            field_dict["location"] = location
        if status_message is not UNSET:
            field_dict["statusMessage"] = status_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.agent_heartbeat_metrics import AgentHeartbeatMetrics  # noqa: PLC0415
        from ..models.location import Location  # noqa: PLC0415

        d = dict(src_dict)
        agent_id = d.pop("agentId")

        last_heartbeat_at_iso = datetime.datetime.fromisoformat(d.pop("lastHeartbeatAtIso"))

        status = AgentHeartbeatStatus(d.pop("status"))

        next_heartbeat_seconds = d.pop("nextHeartbeatSeconds")

        _metrics = d.pop("metrics", UNSET)
        metrics: AgentHeartbeatMetrics | Unset
        if isinstance(_metrics, Unset):
            metrics = UNSET
        else:
            metrics = AgentHeartbeatMetrics.from_dict(_metrics)

        _location = d.pop("location", UNSET)
        location: Location | Unset
        if isinstance(_location, Unset):
            location = UNSET
        else:
            location = Location.from_dict(_location)

        status_message = d.pop("statusMessage", UNSET)

        agent_heartbeat = cls(
            agent_id=agent_id,
            last_heartbeat_at_iso=last_heartbeat_at_iso,
            status=status,
            next_heartbeat_seconds=next_heartbeat_seconds,
            metrics=metrics,
            location=location,
            status_message=status_message,
        )

        agent_heartbeat.additional_properties = d
        return agent_heartbeat

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
