from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="WorkItemSla")


@_attrs_define
class WorkItemSla:
    """By when something is to be done.

    Attributes:
        due_at_iso (datetime.datetime | Unset):
    """

    due_at_iso: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        due_at_iso: str | Unset = UNSET
        if not isinstance(self.due_at_iso, Unset):
            due_at_iso = self.due_at_iso.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if due_at_iso is not UNSET:
            field_dict["dueAtIso"] = due_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _due_at_iso = d.pop("dueAtIso", UNSET)
        due_at_iso: datetime.datetime | Unset
        if isinstance(_due_at_iso, Unset):
            due_at_iso = UNSET
        else:
            due_at_iso = datetime.datetime.fromisoformat(_due_at_iso)

        work_item_sla = cls(
            due_at_iso=due_at_iso,
        )

        return work_item_sla
