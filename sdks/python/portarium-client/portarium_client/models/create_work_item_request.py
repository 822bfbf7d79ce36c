from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.external_object_ref import ExternalObjectRef
    from ..models.work_item_sla import WorkItemSla


T = TypeVar("T", bound="CreateWorkItemRequest")


@_attrs_define
class CreateWorkItemRequest:
    """A new piece of business.

    Attributes:
        title (str):
        owner_user_id (str | Unset):
        sla (WorkItemSla | Unset): By when something is to be done.
        external_refs (list[ExternalObjectRef] | Unset):
    """

    title: str
    owner_user_id: str | Unset = UNSET
    sla: WorkItemSla | Unset = UNSET
    external_refs: list[ExternalObjectRef] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        title = self.title

        owner_user_id = self.owner_user_id

        sla: dict[str, Any] | Unset = UNSET
        if not isinstance(self.sla, Unset):
            sla = self.sla.to_dict()

        external_refs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.external_refs, Unset):
            external_refs = []
            for external_refs_item_data in self.external_refs:
                external_refs_item = external_refs_item_data.to_dict()
                external_refs.append(external_refs_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "title": title,
            }
        )
        if owner_user_id is not UNSET:
            field_dict["ownerUserId"] = owner_user_id
        if sla is not UNSET:
            field_dict["sla"] = sla
        if external_refs is not UNSET:
            field_dict["externalRefs"] = external_refs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.external_object_ref import ExternalObjectRef  # noqa: PLC0415
        from ..models.work_item_sla import WorkItemSla  # noqa: PLC0415

        d = dict(src_dict)
        title = d.pop("title")

        owner_user_id = d.pop("ownerUserId", UNSET)

        _sla = d.pop("sla", UNSET)
        sla: WorkItemSla | Unset
        if isinstance(_sla, Unset):
            sla = UNSET
        else:
            sla = WorkItemSla.from_dict(_sla)

        _external_refs = d.pop("externalRefs", UNSET)
        external_refs: list[ExternalObjectRef] | Unset = UNSET
        if _external_refs is not UNSET:
            external_refs = []
            for external_refs_item_data in _external_refs:
                external_refs_item = ExternalObjectRef.from_dict(external_refs_item_data)

                external_refs.append(external_refs_item)

        create_work_item_request = cls(
            title=title,
            owner_user_id=owner_user_id,
            sla=sla,
            external_refs=external_refs,
        )

        return create_work_item_request
