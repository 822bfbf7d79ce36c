from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.standing import Standing

if TYPE_CHECKING:
    from ..models.delivery import Delivery


T = TypeVar("T", bound="ClaimAnswer")


@_attrs_define
class ClaimAnswer:
    """What a machine is to do.

    Attributes:
        stop: of those it holds, the ones that have ended or are no longer its own.
        lease_seconds: how long what it holds is its own without a further word.

        Attributes:
            invocations (list[Delivery]):
            stop (list[str]):
            standing (Standing): What people have said of a machine: it works, it is to finish and take nothing new, it
                isn't trusted.
            lease_seconds (int):
    """

    invocations: list[Delivery]
    stop: list[str]
    standing: Standing
    lease_seconds: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        invocations = []
        for invocations_item_data in self.invocations:
            invocations_item = invocations_item_data.to_dict()
            invocations.append(invocations_item)

        stop = self.stop

        standing = self.standing.value

        lease_seconds = self.lease_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "invocations": invocations,
                "stop": stop,
                "standing": standing,
                "leaseSeconds": lease_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.delivery import Delivery  # noqa: PLC0415

        d = dict(src_dict)
        invocations = []
        _invocations = d.pop("invocations")
        for invocations_item_data in _invocations:
            invocations_item = Delivery.from_dict(invocations_item_data)

            invocations.append(invocations_item)

        stop = cast(list[str], d.pop("stop"))

        standing = Standing(d.pop("standing"))

        lease_seconds = d.pop("leaseSeconds")

        claim_answer = cls(
            invocations=invocations,
            stop=stop,
            standing=standing,
            lease_seconds=lease_seconds,
        )

        claim_answer.additional_properties = d
        return claim_answer

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
