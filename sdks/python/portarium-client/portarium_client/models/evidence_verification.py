from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.evidence_finding import EvidenceFinding


T = TypeVar("T", bound="EvidenceVerification")


@_attrs_define
class EvidenceVerification:
    """What a walk over all entries has found, up to the newest checkpoint.

    Attributes:
        verified (bool):
        tree_size (int):
        root_hash (str):
        checkpoints (int):
        findings (list[EvidenceFinding]):
    """

    verified: bool
    tree_size: int
    root_hash: str
    checkpoints: int
    findings: list[EvidenceFinding]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        verified = self.verified

        tree_size = self.tree_size

        root_hash = self.root_hash

        checkpoints = self.checkpoints

        findings = []
        for findings_item_data in self.findings:
            findings_item = findings_item_data.to_dict()
            findings.append(findings_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "verified": verified,
                "treeSize": tree_size,
                "rootHash": root_hash,
                "checkpoints": checkpoints,
                "findings": findings,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.evidence_finding import EvidenceFinding  # noqa: PLC0415

        d = dict(src_dict)
        verified = d.pop("verified")

        tree_size = d.pop("treeSize")

        root_hash = d.pop("rootHash")

        checkpoints = d.pop("checkpoints")

        findings = []
        _findings = d.pop("findings")
        for findings_item_data in _findings:
            findings_item = EvidenceFinding.from_dict(findings_item_data)

            findings.append(findings_item)

        evidence_verification = cls(
            verified=verified,
            tree_size=tree_size,
            root_hash=root_hash,
            checkpoints=checkpoints,
            findings=findings,
        )

        evidence_verification.additional_properties = d
        return evidence_verification

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
