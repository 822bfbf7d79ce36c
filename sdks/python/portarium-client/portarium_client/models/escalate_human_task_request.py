from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EscalateHumanTaskRequest")


@_attrs_define
class EscalateHumanTaskRequest:
    """That others have to look after it.

    Attributes:
        workforce_queue_id (str):
        reason (str | Unset):
    """

    workforce_queue_id: str
    reason: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        workforce_queue_id = self.workforce_queue_id

        reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "workforceQueueId": workforce_queue_id,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        workforce_queue_id = d.pop("workforceQueueId")

        reason = d.pop("reason", UNSET)

        escalate_human_task_request = cls(
            workforce_queue_id=workforce_queue_id,
            reason=reason,
        )

        return escalate_human_task_request
