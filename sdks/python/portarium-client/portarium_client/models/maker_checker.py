from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="MakerChecker")


@_attrs_define
class MakerChecker:
    """Who asked for something doesn't approve it.

    Attributes:
        kind (Literal['MakerChecker']):
    """

    kind: Literal["MakerChecker"]

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["MakerChecker"], d.pop("kind"))
        if kind != "MakerChecker":
            raise ValueError(f"kind must match const 'MakerChecker', got '{kind}'")

        maker_checker = cls(
            kind=kind,
        )

        return maker_checker
