from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="DistinctApprovers")


@_attrs_define
class DistinctApprovers:
    """So many different people have to approve.

    Attributes:
        kind (Literal['DistinctApprovers']):
        minimum_approvers (int):
    """

    kind: Literal["DistinctApprovers"]
    minimum_approvers: int

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        minimum_approvers = self.minimum_approvers

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "minimumApprovers": minimum_approvers,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["DistinctApprovers"], d.pop("kind"))
        if kind != "DistinctApprovers":
            raise ValueError(f"kind must match const 'DistinctApprovers', got '{kind}'")

        minimum_approvers = d.pop("minimumApprovers")

        distinct_approvers = cls(
            kind=kind,
            minimum_approvers=minimum_approvers,
        )

        return distinct_approvers
