from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EnrolRequest")


@_attrs_define
class EnrolRequest:
    """What a machine brings when it enrols.

    Attributes:
        operations: all it can do.

        Attributes:
            token (str):
            operations (list[str]):
            os_image (str | Unset):
    """

    token: str
    operations: list[str]
    os_image: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        operations = self.operations

        os_image = self.os_image

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "token": token,
                "operations": operations,
            }
        )
        if os_image is not UNSET:
            field_dict["osImage"] = os_image

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        token = d.pop("token")

        operations = cast(list[str], d.pop("operations"))

        os_image = d.pop("osImage", UNSET)

        enrol_request = cls(
            token=token,
            operations=operations,
            os_image=os_image,
        )

        return enrol_request
