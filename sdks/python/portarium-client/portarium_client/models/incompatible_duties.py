from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="IncompatibleDuties")


@_attrs_define
class IncompatibleDuties:
    """Nobody does more than one of these in one run.

    Attributes:
        kind (Literal['IncompatibleDuties']):
        duty_keys (list[str]):
    """

    kind: Literal["IncompatibleDuties"]
    duty_keys: list[str]

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        duty_keys = self.duty_keys

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "dutyKeys": duty_keys,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["IncompatibleDuties"], d.pop("kind"))
        if kind != "IncompatibleDuties":
            raise ValueError(f"kind must match const 'IncompatibleDuties', got '{kind}'")

        duty_keys = cast(list[str], d.pop("dutyKeys"))

        incompatible_duties = cls(
            kind=kind,
            duty_keys=duty_keys,
        )

        return incompatible_duties
