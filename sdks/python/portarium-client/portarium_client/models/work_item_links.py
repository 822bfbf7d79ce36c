from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.external_object_ref import ExternalObjectRef


T = TypeVar("T", bound="WorkItemLinks")


@_attrs_define
class WorkItemLinks:
    """What belongs to a piece of business.

    Attributes:
        external_refs (list[ExternalObjectRef] | Unset):
        run_ids (list[str] | Unset):
        workflow_ids (list[str] | Unset):
        approval_ids (list[str] | Unset):
        evidence_ids (list[str] | Unset):
    """

    external_refs: list[ExternalObjectRef] | Unset = UNSET
    run_ids: list[str] | Unset = UNSET
    workflow_ids: list[str] | Unset = UNSET
    approval_ids: list[str] | Unset = UNSET
    evidence_ids: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        external_refs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.external_refs, Unset):
            external_refs = []
            for external_refs_item_data in self.external_refs:
                external_refs_item = external_refs_item_data.to_dict()
                external_refs.append(external_refs_item)

        run_ids: list[str] | Unset = UNSET
        if not isinstance(self.run_ids, Unset):
            run_ids = self.run_ids

        workflow_ids: list[str] | Unset = UNSET
        if not isinstance(self.workflow_ids, Unset):
            workflow_ids = self.workflow_ids

        approval_ids: list[str] | Unset = UNSET
        if not isinstance(self.approval_ids, Unset):
            approval_ids = self.approval_ids

        evidence_ids: list[str] | Unset = UNSET
        if not isinstance(self.evidence_ids, Unset):
            evidence_ids = self.evidence_ids

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if external_refs is not UNSET:
            field_dict["externalRefs"] = external_refs
        if run_ids is not UNSET:
            field_dict["runIds"] = run_ids
        if workflow_ids is not UNSET:
            field_dict["workflowIds"] = workflow_ids
        if approval_ids is not UNSET:
            field_dict["approvalIds"] = approval_ids
        if evidence_ids is not UNSET:
            field_dict["evidenceIds"] = evidence_ids

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.external_object_ref import ExternalObjectRef  # noqa: PLC0415

        d = dict(src_dict)
        _external_refs = d.pop("externalRefs", UNSET)
        external_refs: list[ExternalObjectRef] | Unset = UNSET
        if _external_refs is not UNSET:
            external_refs = []
            for external_refs_item_data in _external_refs:
                external_refs_item = ExternalObjectRef.from_dict(external_refs_item_data)

                external_refs.append(external_refs_item)

        run_ids = cast(list[str], d.pop("runIds", UNSET))

        workflow_ids = cast(list[str], d.pop("workflowIds", UNSET))

        approval_ids = cast(list[str], d.pop("approvalIds", UNSET))

        evidence_ids = cast(list[str], d.pop("evidenceIds", UNSET))

        work_item_links = cls(
            external_refs=external_refs,
            run_ids=run_ids,
            workflow_ids=workflow_ids,
            approval_ids=approval_ids,
            evidence_ids=evidence_ids,
        )

        work_item_links.additional_properties = d
        return work_item_links

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
