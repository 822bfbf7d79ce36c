from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.evidence_category import EvidenceCategory
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.evidence_adapter import EvidenceAdapter
    from ..models.evidence_links import EvidenceLinks
    from ..models.evidence_machine import EvidenceMachine
    from ..models.evidence_payload_ref import EvidencePayloadRef
    from ..models.evidence_system import EvidenceSystem
    from ..models.evidence_user import EvidenceUser


T = TypeVar("T", bound="EvidenceEntryV1")


@_attrs_define
class EvidenceEntryV1:
    """An entry. Its hash is over the canonical form (RFC 8785) of everything else in it.

    Attributes:
        schema_version (Literal[1]):
        evidence_id (str):
        workspace_id (str):
        correlation_id (str):
        occurred_at_iso (datetime.datetime):
        category (EvidenceCategory): What kind of thing was done.
        summary (str):
        actor (EvidenceAdapter | EvidenceMachine | EvidenceSystem | EvidenceUser): Who did it.
        hash_sha_256 (str):
        links (EvidenceLinks | Unset): What an entry is about.
        payload_refs (list[EvidencePayloadRef] | Unset):
        previous_hash (str | Unset):
    """

    schema_version: Literal[1]
    evidence_id: str
    workspace_id: str
    correlation_id: str
    occurred_at_iso: datetime.datetime
    category: EvidenceCategory
    summary: str
    actor: EvidenceAdapter | EvidenceMachine | EvidenceSystem | EvidenceUser
    hash_sha_256: str
    links: EvidenceLinks | Unset = UNSET
    payload_refs: list[EvidencePayloadRef] | Unset = UNSET
    previous_hash: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.evidence_adapter import EvidenceAdapter  # noqa: PLC0415
        from ..models.evidence_machine import EvidenceMachine  # noqa: PLC0415
        from ..models.evidence_user import EvidenceUser  # noqa: PLC0415

        schema_version = self.schema_version

        evidence_id = self.evidence_id

        workspace_id = self.workspace_id

        correlation_id = self.correlation_id

        occurred_at_iso = self.occurred_at_iso.isoformat()

        category = self.category.value

        summary = self.summary

        actor: dict[str, Any]
        if isinstance(self.actor, EvidenceUser):
            actor = self.actor.to_dict()
        elif isinstance(self.actor, EvidenceMachine):
            actor = self.actor.to_dict()
        elif isinstance(self.actor, EvidenceAdapter):
            actor = self.actor.to_dict()
        else:
            actor = self.actor.to_dict()

        hash_sha_256 = self.hash_sha_256

        links: dict[str, Any] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = self.links.to_dict()

        payload_refs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.payload_refs, Unset):
            payload_refs = []
            for payload_refs_item_data in self.payload_refs:
                payload_refs_item = payload_refs_item_data.to_dict()
                payload_refs.append(payload_refs_item)

        previous_hash = self.previous_hash

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "evidenceId": evidence_id,
                "workspaceId": workspace_id,
                "correlationId": correlation_id,
                "occurredAtIso": occurred_at_iso,
                "category": category,
                "summary": summary,
                "actor": actor,
                "hashSha256": hash_sha_256,
            }
        )
        if links is not UNSET:
            field_dict["links"] = links
        if payload_refs is not UNSET:
            field_dict["payloadRefs"] = payload_refs
        if previous_hash is not UNSET:
            field_dict["previousHash"] = previous_hash

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.evidence_adapter import EvidenceAdapter  # noqa: PLC0415
        from ..models.evidence_links import EvidenceLinks  # noqa: PLC0415
        from ..models.evidence_machine import EvidenceMachine  # noqa: PLC0415
        from ..models.evidence_payload_ref import EvidencePayloadRef  # noqa: PLC0415
        from ..models.evidence_system import EvidenceSystem  # noqa: PLC0415
        from ..models.evidence_user import EvidenceUser  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        evidence_id = d.pop("evidenceId")

        workspace_id = d.pop("workspaceId")

        correlation_id = d.pop("correlationId")

        occurred_at_iso = datetime.datetime.fromisoformat(d.pop("occurredAtIso"))

        category = EvidenceCategory(d.pop("category"))

        summary = d.pop("summary")

        def _parse_actor(data: object) -> EvidenceAdapter | EvidenceMachine | EvidenceSystem | EvidenceUser:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_evidence_actor_type_0 = EvidenceUser.from_dict(data)

                return componentsschemas_evidence_actor_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_evidence_actor_type_1 = EvidenceMachine.from_dict(data)

                return componentsschemas_evidence_actor_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_evidence_actor_type_2 = EvidenceAdapter.from_dict(data)

                return componentsschemas_evidence_actor_type_2
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_evidence_actor_type_3 = EvidenceSystem.from_dict(data)

            return componentsschemas_evidence_actor_type_3

        actor = _parse_actor(d.pop("actor"))

        hash_sha_256 = d.pop("hashSha256")

        _links = d.pop("links", UNSET)
        links: EvidenceLinks | Unset
        if isinstance(_links, Unset):
            links = UNSET
        else:
            links = EvidenceLinks.from_dict(_links)

        _payload_refs = d.pop("payloadRefs", UNSET)
        payload_refs: list[EvidencePayloadRef] | Unset = UNSET
        if _payload_refs is not UNSET:
            payload_refs = []
            for payload_refs_item_data in _payload_refs:
                payload_refs_item = EvidencePayloadRef.from_dict(payload_refs_item_data)

                payload_refs.append(payload_refs_item)

        previous_hash = d.pop("previousHash", UNSET)

        evidence_entry_v1 = cls(
            schema_version=schema_version,
            evidence_id=evidence_id,
            workspace_id=workspace_id,
            correlation_id=correlation_id,
            occurred_at_iso=occurred_at_iso,
            category=category,
            summary=summary,
            actor=actor,
            hash_sha_256=hash_sha_256,
            links=links,
            payload_refs=payload_refs,
            previous_hash=previous_hash,
        )

        evidence_entry_v1.additional_properties = d
        return evidence_entry_v1

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
