from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CompleteHumanTaskRequest")


@_attrs_define
class CompleteHumanTaskRequest:
    """That it is done.

    Attributes:
        completion_note (str | Unset):
    """

    completion_note: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        completion_note = self.completion_note

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if completion_note is not UNSET:
            field_dict["completionNote"] = completion_note

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        completion_note = d.pop("completionNote", UNSET)

        complete_human_task_request = cls(
            completion_note=completion_note,
        )

        return complete_human_task_request
