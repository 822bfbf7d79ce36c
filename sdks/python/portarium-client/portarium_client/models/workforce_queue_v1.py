from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.routing_strategy import RoutingStrategy
from ..models.workforce_capability import WorkforceCapability

T = TypeVar("T", bound="WorkforceQueueV1")


@_attrs_define
class WorkforceQueueV1:
    """A group of people for tasks of one sort.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        workforce_queue_id (str):
        name (str):
        required_capabilities (list[WorkforceCapability]):
        member_ids (list[str]):
        routing_strategy (RoutingStrategy): How a queue finds somebody for a task.
        tenant_id (str):
    """

    workforce_queue_id: str
    name: str
    required_capabilities: list[WorkforceCapability]
    member_ids: list[str]
    routing_strategy: RoutingStrategy
    tenant_id: str
    schema_version: Literal[1] = 1
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        workforce_queue_id = self.workforce_queue_id

        name = self.name

        required_capabilities = []
        for required_capabilities_item_data in self.required_capabilities:
            required_capabilities_item = required_capabilities_item_data.value
            required_capabilities.append(required_capabilities_item)

        member_ids = self.member_ids

        routing_strategy = self.routing_strategy.value

        tenant_id = self.tenant_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "workforceQueueId": workforce_queue_id,
                "name": name,
                "requiredCapabilities": required_capabilities,
                "memberIds": member_ids,
                "routingStrategy": routing_strategy,
                "tenantId": tenant_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        workforce_queue_id = d.pop("workforceQueueId")

        name = d.pop("name")

        required_capabilities = []
        _required_capabilities = d.pop("requiredCapabilities")
        for required_capabilities_item_data in _required_capabilities:
            required_capabilities_item = WorkforceCapability(required_capabilities_item_data)

            required_capabilities.append(required_capabilities_item)

        member_ids = cast(list[str], d.pop("memberIds"))

        routing_strategy = RoutingStrategy(d.pop("routingStrategy"))

        tenant_id = d.pop("tenantId")

        workforce_queue_v1 = cls(
            schema_version=schema_version,
            workforce_queue_id=workforce_queue_id,
            name=name,
            required_capabilities=required_capabilities,
            member_ids=member_ids,
            routing_strategy=routing_strategy,
            tenant_id=tenant_id,
        )

        workforce_queue_v1.additional_properties = d
        return workforce_queue_v1

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
