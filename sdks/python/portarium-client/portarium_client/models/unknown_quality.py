from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="UnknownQuality")


@_attrs_define
class UnknownQuality:
    """Why nobody knows how good a position is.

    Attributes:
        status (Literal['Unknown']):
        reason (str):
    """

    status: Literal["Unknown"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        status = self.status

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = cast(Literal["Unknown"], d.pop("status"))
        if status != "Unknown":
            raise ValueError(f"status must match const 'Unknown', got '{status}'")

        reason = d.pop("reason")

        unknown_quality = cls(
            status=status,
            reason=reason,
        )

        return unknown_quality
