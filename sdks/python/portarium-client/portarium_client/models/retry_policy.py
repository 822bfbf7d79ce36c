from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RetryPolicy")


@_attrs_define
class RetryPolicy:
    """How often an action is tried. The pause doubles each time, up to half a minute.

    Attributes:
        max_attempts (int):
        backoff_seconds (float | Unset):  Default: 1.0.
    """

    max_attempts: int
    backoff_seconds: float | Unset = 1.0

    def to_dict(self) -> dict[str, Any]:
        max_attempts = self.max_attempts

        backoff_seconds = self.backoff_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "maxAttempts": max_attempts,
            }
        )
        if backoff_seconds is not UNSET:
            field_dict["backoffSeconds"] = backoff_seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        max_attempts = d.pop("maxAttempts")

        backoff_seconds = d.pop("backoffSeconds", UNSET)

        retry_policy = cls(
            max_attempts=max_attempts,
            backoff_seconds=backoff_seconds,
        )

        return retry_policy
