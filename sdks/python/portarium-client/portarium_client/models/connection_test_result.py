from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.connection_test_status import ConnectionTestStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="ConnectionTestResult")


@_attrs_define
class ConnectionTestResult:
    """Whether something can be reached.

    Attributes:
        status (ConnectionTestStatus): How an attempt to reach something went.
        latency_ms (int):
        error_message (str | Unset):
    """

    status: ConnectionTestStatus
    latency_ms: int
    error_message: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status.value

        latency_ms = self.latency_ms

        error_message = self.error_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
                "latencyMs": latency_ms,
            }
        )
        if error_message is not UNSET:
            field_dict["errorMessage"] = error_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = ConnectionTestStatus(d.pop("status"))

        latency_ms = d.pop("latencyMs")

        error_message = d.pop("errorMessage", UNSET)

        connection_test_result = cls(
            status=status,
            latency_ms=latency_ms,
            error_message=error_message,
        )

        connection_test_result.additional_properties = d
        return connection_test_result

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
