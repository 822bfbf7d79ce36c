from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ClaimRequest")


@_attrs_define
class ClaimRequest:
    """A machine asks for work.

    Attributes:
        holding: what it has in hand; their time is extended, and what isn't there is given out again.
        free: how much more it takes.
        wait_seconds: how long to wait for something to come.
        operations: all it can do now; more than it may is a reason to look at it.

        Attributes:
            holding (list[str] | Unset):
            free (int | Unset):  Default: 1.
            wait_seconds (float | Unset):  Default: 20.0.
            operations (list[str] | Unset):
    """

    holding: list[str] | Unset = UNSET
    free: int | Unset = 1
    wait_seconds: float | Unset = 20.0
    operations: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        holding: list[str] | Unset = UNSET
        if not isinstance(self.holding, Unset):
            holding = self.holding

        free = self.free

        wait_seconds = self.wait_seconds

        operations: list[str] | Unset = UNSET
        if not isinstance(self.operations, Unset):
            operations = self.operations

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if holding is not UNSET:
            field_dict["holding"] = holding
        if free is not UNSET:
            field_dict["free"] = free
        if wait_seconds is not UNSET:
            field_dict["waitSeconds"] = wait_seconds
        if operations is not UNSET:
            field_dict["operations"] = operations

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        holding = cast(list[str], d.pop("holding", UNSET))

        free = d.pop("free", UNSET)

        wait_seconds = d.pop("waitSeconds", UNSET)

        operations = cast(list[str], d.pop("operations", UNSET))

        claim_request = cls(
            holding=holding,
            free=free,
            wait_seconds=wait_seconds,
            operations=operations,
        )

        return claim_request
