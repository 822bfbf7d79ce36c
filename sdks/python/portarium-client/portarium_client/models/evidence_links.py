from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.external_object_ref import ExternalObjectRef


T = TypeVar("T", bound="EvidenceLinks")


@_attrs_define
class EvidenceLinks:
    """What an entry is about.

    Attributes:
        run_id (str | Unset):
        plan_id (str | Unset):
        work_item_id (str | Unset):
        approval_id (str | Unset):
        external_refs (list[ExternalObjectRef] | Unset):
    """

    run_id: str | Unset = UNSET
    plan_id: str | Unset = UNSET
    work_item_id: str | Unset = UNSET
    approval_id: str | Unset = UNSET
    external_refs: list[ExternalObjectRef] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        run_id = self.run_id

        plan_id = self.plan_id

        work_item_id = self.work_item_id

        approval_id = self.approval_id

        external_refs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.external_refs, Unset):
            external_refs = []
            for external_refs_item_data in self.external_refs:
                external_refs_item = external_refs_item_data.to_dict()
                external_refs.append(external_refs_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if plan_id is not UNSET:
            field_dict["planId"] = plan_id
        if work_item_id is not UNSET:
            field_dict["workItemId"] = work_item_id
        if approval_id is not UNSET:
            field_dict["approvalId"] = approval_id
        if external_refs is not UNSET:
            field_dict["externalRefs"] = external_refs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.external_object_ref import ExternalObjectRef  # noqa: PLC0415

        d = dict(src_dict)
        run_id = d.pop("runId", UNSET)

        plan_id = d.pop("planId", UNSET)

        work_item_id = d.pop("workItemId", UNSET)

        approval_id = d.pop("approvalId", UNSET)

        _external_refs = d.pop("externalRefs", UNSET)
        external_refs: list[ExternalObjectRef] | Unset = UNSET
        if _external_refs is not UNSET:
            external_refs = []
            for external_refs_item_data in _external_refs:
                external_refs_item = ExternalObjectRef.from_dict(external_refs_item_data)

                external_refs.append(external_refs_item)

        evidence_links = cls(
            run_id=run_id,
            plan_id=plan_id,
            work_item_id=work_item_id,
            approval_id=approval_id,
            external_refs=external_refs,
        )

        evidence_links.additional_properties = d
        return evidence_links

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
