from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.reported_category import ReportedCategory
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.evidence_payload_ref import EvidencePayloadRef
    from ..models.report_evidence_request_actor_type_1 import ReportEvidenceRequestActorType1
    from ..models.report_evidence_request_payload import ReportEvidenceRequestPayload


T = TypeVar("T", bound="ReportEvidenceRequest")


@_attrs_define
class ReportEvidenceRequest:
    """What a tool has done, reported by whoever ran it. The payload isn't kept, its digest is.

    Attributes:
        category (ReportedCategory): What tools may report. ``ToolExecution`` is an action.
        summary (str | Unset):
        actor (ReportEvidenceRequestActorType1 | str | Unset):
        run_id (str | Unset):
        plan_id (str | Unset):
        work_item_id (str | Unset):
        correlation_id (str | Unset):
        payload (ReportEvidenceRequestPayload | Unset):
        payload_refs (list[EvidencePayloadRef] | Unset):
    """

    category: ReportedCategory
    summary: str | Unset = UNSET
    actor: ReportEvidenceRequestActorType1 | str | Unset = UNSET
    run_id: str | Unset = UNSET
    plan_id: str | Unset = UNSET
    work_item_id: str | Unset = UNSET
    correlation_id: str | Unset = UNSET
    payload: ReportEvidenceRequestPayload | Unset = UNSET
    payload_refs: list[EvidencePayloadRef] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.report_evidence_request_actor_type_1 import ReportEvidenceRequestActorType1  # noqa: PLC0415

        category = self.category.value

        summary = self.summary

        actor: dict[str, Any] | str | Unset
        if isinstance(self.actor, Unset):
            actor = UNSET
        elif isinstance(self.actor, ReportEvidenceRequestActorType1):
            actor = self.actor.to_dict()
        else:
            actor = self.actor

        run_id = self.run_id

        plan_id = self.plan_id

        work_item_id = self.work_item_id

        correlation_id = self.correlation_id

        payload: dict[str, Any] | Unset = UNSET
        if not isinstance(self.payload, Unset):
            payload = self.payload.to_dict()

        payload_refs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.payload_refs, Unset):
            payload_refs = []
            for payload_refs_item_data in self.payload_refs:
                payload_refs_item = payload_refs_item_data.to_dict()
                payload_refs.append(payload_refs_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
            }
        )
        if summary is not UNSET:
            field_dict["summary"] = summary
        if actor is not UNSET:
            field_dict["actor"] = actor
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if plan_id is not UNSET:
            field_dict["planId"] = plan_id
        if work_item_id is not UNSET:
            field_dict["workItemId"] = work_item_id
        if correlation_id is not UNSET:
            field_dict["correlationId"] = correlation_id
        if payload is not UNSET:
            field_dict["payload"] = payload
        if payload_refs is not UNSET:
            field_dict["payloadRefs"] = payload_refs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.evidence_payload_ref import EvidencePayloadRef  # noqa: PLC0415
        from ..models.report_evidence_request_actor_type_1 import ReportEvidenceRequestActorType1  # noqa: PLC0415
        from ..models.report_evidence_request_payload import ReportEvidenceRequestPayload  # noqa: PLC0415

        d = dict(src_dict)
        category = ReportedCategory(d.pop("category"))

        summary = d.pop("summary", UNSET)

        def _parse_actor(data: object) -> ReportEvidenceRequestActorType1 | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                actor_type_1 = ReportEvidenceRequestActorType1.from_dict(data)

                return actor_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ReportEvidenceRequestActorType1 | str | Unset, data)

        actor = _parse_actor(d.pop("actor", UNSET))

        run_id = d.pop("runId", UNSET)

        plan_id = d.pop("planId", UNSET)

        work_item_id = d.pop("workItemId", UNSET)

        correlation_id = d.pop("correlationId", UNSET)

        _payload = d.pop("payload", UNSET)
        payload: ReportEvidenceRequestPayload | Unset
        if isinstance(_payload, Unset):
            payload = UNSET
        else:
            payload = ReportEvidenceRequestPayload.from_dict(_payload)

        _payload_refs = d.pop("payloadRefs", UNSET)
        payload_refs: list[EvidencePayloadRef] | Unset = UNSET
        if _payload_refs is not UNSET:
            payload_refs = []
            for payload_refs_item_data in _payload_refs:
                payload_refs_item = EvidencePayloadRef.from_dict(payload_refs_item_data)

                payload_refs.append(payload_refs_item)

        report_evidence_request = cls(
            category=category,
            summary=summary,
            actor=actor,
            run_id=run_id,
            plan_id=plan_id,
            work_item_id=work_item_id,
            correlation_id=correlation_id,
            payload=payload,
            payload_refs=payload_refs,
        )

        return report_evidence_request
