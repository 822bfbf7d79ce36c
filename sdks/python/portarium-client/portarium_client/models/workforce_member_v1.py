from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.availability_status import AvailabilityStatus
from ..models.workforce_capability import WorkforceCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="WorkforceMemberV1")


@_attrs_define
class WorkforceMemberV1:
    """Somebody who can be given work.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        workforce_member_id (str):
        linked_user_id (str):
        display_name (str):
        capabilities (list[WorkforceCapability]):
        availability_status (AvailabilityStatus): Whether somebody can take work.
        queue_memberships (list[str]):
        tenant_id (str):
        created_at_iso (datetime.datetime):
        updated_at_iso (datetime.datetime | Unset):
    """

    workforce_member_id: str
    linked_user_id: str
    display_name: str
    capabilities: list[WorkforceCapability]
    availability_status: AvailabilityStatus
    queue_memberships: list[str]
    tenant_id: str
    created_at_iso: datetime.datetime
    schema_version: Literal[1] = 1
    updated_at_iso: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        workforce_member_id = self.workforce_member_id

        linked_user_id = self.linked_user_id

        display_name = self.display_name

        capabilities = []
        for capabilities_item_data in self.capabilities:
            capabilities_item = capabilities_item_data.value
            capabilities.append(capabilities_item)

        availability_status = self.availability_status.value

        queue_memberships = self.queue_memberships

        tenant_id = self.tenant_id

        created_at_iso = self.created_at_iso.isoformat()

        updated_at_iso: str | Unset = UNSET
        if not isinstance(self.updated_at_iso, Unset):
            updated_at_iso = self.updated_at_iso.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "workforceMemberId": workforce_member_id,
                "linkedUserId": linked_user_id,
                "displayName": display_name,
                "capabilities": capabilities,
                "availabilityStatus": availability_status,
                "queueMemberships": queue_memberships,
                "tenantId": tenant_id,
                "createdAtIso": created_at_iso,
            }
        )
        if updated_at_iso is not UNSET:
            field_dict["updatedAtIso"] = updated_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        workforce_member_id = d.pop("workforceMemberId")

        linked_user_id = d.pop("linkedUserId")

        display_name = d.pop("displayName")

        capabilities = []
        _capabilities = d.pop("capabilities")
        for capabilities_item_data in _capabilities:
            capabilities_item = WorkforceCapability(capabilities_item_data)

            capabilities.append(capabilities_item)

        availability_status = AvailabilityStatus(d.pop("availabilityStatus"))

        queue_memberships = cast(list[str], d.pop("queueMemberships"))

        tenant_id = d.pop("tenantId")

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        _updated_at_iso = d.pop("updatedAtIso", UNSET)
        updated_at_iso: datetime.datetime | Unset
        if isinstance(_updated_at_iso, Unset):
            updated_at_iso = UNSET
        else:
            updated_at_iso = datetime.datetime.fromisoformat(_updated_at_iso)

        workforce_member_v1 = cls(
            schema_version=schema_version,
            workforce_member_id=workforce_member_id,
            linked_user_id=linked_user_id,
            display_name=display_name,
            capabilities=capabilities,
            availability_status=availability_status,
            queue_memberships=queue_memberships,
            tenant_id=tenant_id,
            created_at_iso=created_at_iso,
            updated_at_iso=updated_at_iso,
        )

        workforce_member_v1.additional_properties = d
        return workforce_member_v1

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
