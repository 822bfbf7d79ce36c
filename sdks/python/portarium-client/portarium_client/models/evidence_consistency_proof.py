from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.evidence_checkpoint import EvidenceCheckpoint


T = TypeVar("T", bound="EvidenceConsistencyProof")


@_attrs_define
class EvidenceConsistencyProof:
    """That a checkpoint's tree begins with the first ``from_size`` entries (RFC 9162).

    Attributes:
        from_size (int):
        hashes (list[str]):
        checkpoint (EvidenceCheckpoint): What the evidence was at some size, signed.

            ``note`` is a C2SP tlog-checkpoint, ``verifier_key`` what it is verified with.
    """

    from_size: int
    hashes: list[str]
    checkpoint: EvidenceCheckpoint
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_size = self.from_size

        hashes = self.hashes

        checkpoint = self.checkpoint.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "fromSize": from_size,
                "hashes": hashes,
                "checkpoint": checkpoint,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.evidence_checkpoint import EvidenceCheckpoint  # noqa: PLC0415

        d = dict(src_dict)
        from_size = d.pop("fromSize")

        hashes = cast(list[str], d.pop("hashes"))

        checkpoint = EvidenceCheckpoint.from_dict(d.pop("checkpoint"))

        evidence_consistency_proof = cls(
            from_size=from_size,
            hashes=hashes,
            checkpoint=checkpoint,
        )

        evidence_consistency_proof.additional_properties = d
        return evidence_consistency_proof

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
