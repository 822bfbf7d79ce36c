from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.routing_strategy import RoutingStrategy
from ..models.workforce_capability import WorkforceCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateWorkforceQueueRequest")


@_attrs_define
class CreateWorkforceQueueRequest:
    """A new queue. Its members need all of its capabilities.

    Attributes:
        name (str):
        required_capabilities (list[WorkforceCapability]):
        member_ids (list[str] | Unset):
        routing_strategy (RoutingStrategy | Unset): How a queue finds somebody for a task.
    """

    name: str
    required_capabilities: list[WorkforceCapability]
    member_ids: list[str] | Unset = UNSET
    routing_strategy: RoutingStrategy | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        required_capabilities = []
        for required_capabilities_item_data in self.required_capabilities:
            required_capabilities_item = required_capabilities_item_data.value
            required_capabilities.append(required_capabilities_item)

        member_ids: list[str] | Unset = UNSET
        if not isinstance(self.member_ids, Unset):
            member_ids = self.member_ids

        routing_strategy: str | Unset = UNSET
        if not isinstance(self.routing_strategy, Unset):
            routing_strategy = self.routing_strategy.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "requiredCapabilities": required_capabilities,
            }
        )
        if member_ids is not UNSET:
            field_dict["memberIds"] = member_ids
        if routing_strategy is not UNSET:
            field_dict["routingStrategy"] = routing_strategy

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        required_capabilities = []
        _required_capabilities = d.pop("requiredCapabilities")
        for required_capabilities_item_data in _required_capabilities:
            required_capabilities_item = WorkforceCapability(required_capabilities_item_data)

            required_capabilities.append(required_capabilities_item)

        member_ids = cast(list[str], d.pop("memberIds", UNSET))

        _routing_strategy = d.pop("routingStrategy", UNSET)
        routing_strategy: RoutingStrategy | Unset
        if isinstance(_routing_strategy, Unset):
            routing_strategy = UNSET
        else:
            routing_strategy = RoutingStrategy(_routing_strategy)

        create_workforce_queue_request = cls(
            name=name,
            required_capabilities=required_capabilities,
            member_ids=member_ids,
            routing_strategy=routing_strategy,
        )

        return create_workforce_queue_request
