from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EvidenceCheckpoint")


@_attrs_define
class EvidenceCheckpoint:
    """What the evidence was at some size, signed.

    ``note`` is a C2SP tlog-checkpoint, ``verifier_key`` what it is verified with.

        Attributes:
            tree_size (int):
            root_hash (str):
            note (str):
            verifier_key (str):
    """

    tree_size: int
    root_hash: str
    note: str
    verifier_key: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tree_size = self.tree_size

        root_hash = self.root_hash

        note = self.note

        verifier_key = self.verifier_key

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "treeSize": tree_size,
                "rootHash": root_hash,
                "note": note,
                "verifierKey": verifier_key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        tree_size = d.pop("treeSize")

        root_hash = d.pop("rootHash")

        note = d.pop("note")

        verifier_key = d.pop("verifierKey")

        evidence_checkpoint = cls(
            tree_size=tree_size,
            root_hash=root_hash,
            note=note,
            verifier_key=verifier_key,
        )

        evidence_checkpoint.additional_properties = d
        return evidence_checkpoint

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
