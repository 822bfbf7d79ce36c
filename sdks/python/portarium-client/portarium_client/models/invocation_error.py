from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="InvocationError")


@_attrs_define
class InvocationError:
    """Why an invocation failed.

    Attributes:
        code: for programs: ``cancelled``, ``timed-out``, ``machine-lost``, or what the machine says.

        Attributes:
            code (str):
            message (str):
    """

    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        message = self.message

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
                "message": message,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        message = d.pop("message")

        invocation_error = cls(
            code=code,
            message=message,
        )

        return invocation_error
