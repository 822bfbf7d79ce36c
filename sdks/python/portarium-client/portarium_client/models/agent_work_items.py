from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.work_item_v1 import WorkItemV1


T = TypeVar("T", bound="AgentWorkItems")


@_attrs_define
class AgentWorkItems:
    """A page of the business of an agent.

    Attributes:
        agent_id (str):
        items (list[WorkItemV1]):
        next_cursor (str | Unset):
        cursor (str | Unset):
    """

    agent_id: str
    items: list[WorkItemV1]
    next_cursor: str | Unset = UNSET
    cursor: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        agent_id = self.agent_id

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        next_cursor = self.next_cursor

        cursor = self.cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "agentId": agent_id,
                "items": items,
            }
        )
        if next_cursor is not UNSET:
            field_dict["nextCursor"] = next_cursor
        if cursor is not UNSET:
            field_dict["cursor"] = cursor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.work_item_v1 import WorkItemV1  # noqa: PLC0415

        d = dict(src_dict)
        agent_id = d.pop("agentId")

        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = WorkItemV1.from_dict(items_item_data)

            items.append(items_item)

        next_cursor = d.pop("nextCursor", UNSET)

        cursor = d.pop("cursor", UNSET)

        agent_work_items = cls(
            agent_id=agent_id,
            items=items,
            next_cursor=next_cursor,
            cursor=cursor,
        )

        agent_work_items.additional_properties = d
        return agent_work_items

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
