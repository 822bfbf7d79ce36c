from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="RetryRunRequest")


@_attrs_define
class RetryRunRequest:
    """From where to do a run again; what succeeded before that is kept.

    Attributes:
        from_action_id (str | Unset):
    """

    from_action_id: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from_action_id = self.from_action_id

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if from_action_id is not UNSET:
            field_dict["fromActionId"] = from_action_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        from_action_id = d.pop("fromActionId", UNSET)

        retry_run_request = cls(
            from_action_id=from_action_id,
        )

        return retry_run_request
