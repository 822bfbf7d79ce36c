from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.evidence_payload_ref_kind import EvidencePayloadRefKind
from ..types import UNSET, Unset

T = TypeVar("T", bound="EvidencePayloadRef")


@_attrs_define
class EvidencePayloadRef:
    """Something larger that an entry speaks of.

    Attributes:
        kind (EvidencePayloadRefKind):
        uri (str):
        content_type (str | Unset):
        sha256 (str | Unset):
    """

    kind: EvidencePayloadRefKind
    uri: str
    content_type: str | Unset = UNSET
    sha256: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind.value

        uri = self.uri

        content_type = self.content_type

        sha256 = self.sha256

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "uri": uri,
            }
        )
        if content_type is not UNSET:
            field_dict["contentType"] = content_type
        if sha256 is not UNSET:
            field_dict["sha256"] = sha256

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = EvidencePayloadRefKind(d.pop("kind"))

        uri = d.pop("uri")

        content_type = d.pop("contentType", UNSET)

        sha256 = d.pop("sha256", UNSET)

        evidence_payload_ref = cls(
            kind=kind,
            uri=uri,
            content_type=content_type,
            sha256=sha256,
        )

        return evidence_payload_ref
