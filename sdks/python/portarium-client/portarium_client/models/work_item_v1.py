from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.work_item_status import WorkItemStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.work_item_links import WorkItemLinks
    from ..models.work_item_sla import WorkItemSla


T = TypeVar("T", bound="WorkItemV1")


@_attrs_define
class WorkItemV1:
    """A piece of business that runs, approvals and people work on.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        work_item_id (str):
        workspace_id (str):
        created_at_iso (datetime.datetime):
        created_by_user_id (str):
        title (str):
        status (WorkItemStatus): Where a piece of business stands.
        owner_user_id (str | Unset):
        sla (WorkItemSla | Unset): By when something is to be done.
        links (WorkItemLinks | Unset): What belongs to a piece of business.
    """

    work_item_id: str
    workspace_id: str
    created_at_iso: datetime.datetime
    created_by_user_id: str
    title: str
    status: WorkItemStatus
    schema_version: Literal[1] = 1
    owner_user_id: str | Unset = UNSET
    sla: WorkItemSla | Unset = UNSET
    links: WorkItemLinks | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        work_item_id = self.work_item_id

        workspace_id = self.workspace_id

        created_at_iso = self.created_at_iso.isoformat()

        created_by_user_id = self.created_by_user_id

        title = self.title

        status = self.status.value

        owner_user_id = self.owner_user_id

        sla: dict[str, Any] | Unset = UNSET
        if not isinstance(self.sla, Unset):
            sla = self.sla.to_dict()

        links: dict[str, Any] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = self.links.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "workItemId": work_item_id,
                "workspaceId": workspace_id,
                "createdAtIso": created_at_iso,
                "createdByUserId": created_by_user_id,
                "title": title,
                "status": status,
            }
        )
        if owner_user_id is not UNSET:
            field_dict["ownerUserId"] = owner_user_id
        if sla is not UNSET:
            field_dict["sla"] = sla
        if links is not UNSET:
            field_dict["links"] = links

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.work_item_links import WorkItemLinks  # noqa: PLC0415
        from ..models.work_item_sla import WorkItemSla  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        work_item_id = d.pop("workItemId")

        workspace_id = d.pop("workspaceId")

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        created_by_user_id = d.pop("createdByUserId")

        title = d.pop("title")

        status = WorkItemStatus(d.pop("status"))

        owner_user_id = d.pop("ownerUserId", UNSET)

        _sla = d.pop("sla", UNSET)
        sla: WorkItemSla | Unset
        if isinstance(_sla, Unset):
            sla = UNSET
        else:
            sla = WorkItemSla.from_dict(_sla)

        _links = d.pop("links", UNSET)
        links: WorkItemLinks | Unset
        if isinstance(_links, Unset):
            links = UNSET
        else:
            links = WorkItemLinks.from_dict(_links)

        work_item_v1 = cls(
            schema_version=schema_version,
            work_item_id=work_item_id,
            workspace_id=workspace_id,
            created_at_iso=created_at_iso,
            created_by_user_id=created_by_user_id,
            title=title,
            status=status,
            owner_user_id=owner_user_id,
            sla=sla,
            links=links,
        )

        work_item_v1.additional_properties = d
        return work_item_v1

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
