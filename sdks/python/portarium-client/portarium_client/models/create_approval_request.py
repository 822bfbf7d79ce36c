from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CreateApprovalRequest")


@_attrs_define
class CreateApprovalRequest:
    """Ask for one more agreement to a plan: the run waits for it as well.

    Attributes:
        run_id (str):
        plan_id (str):
        prompt (str):
        work_item_id (str | Unset):
        assignee_user_id (str | Unset):
        due_at_iso (datetime.datetime | Unset):
    """

    run_id: str
    plan_id: str
    prompt: str
    work_item_id: str | Unset = UNSET
    assignee_user_id: str | Unset = UNSET
    due_at_iso: datetime.datetime | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        run_id = self.run_id

        plan_id = self.plan_id

        prompt = self.prompt

        work_item_id = self.work_item_id

        assignee_user_id = self.assignee_user_id

        due_at_iso: str | Unset = UNSET
        if not isinstance(self.due_at_iso, Unset):
            due_at_iso = self.due_at_iso.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "runId": run_id,
                "planId": plan_id,
                "prompt": prompt,
            }
        )
        if work_item_id is not UNSET:
            field_dict["workItemId"] = work_item_id
        if assignee_user_id is not UNSET:
            field_dict["assigneeUserId"] = assignee_user_id
        if due_at_iso is not UNSET:
            field_dict["dueAtIso"] = due_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        run_id = d.pop("runId")

        plan_id = d.pop("planId")

        prompt = d.pop("prompt")

        work_item_id = d.pop("workItemId", UNSET)

        assignee_user_id = d.pop("assigneeUserId", UNSET)

        _due_at_iso = d.pop("dueAtIso", UNSET)
        due_at_iso: datetime.datetime | Unset
        if isinstance(_due_at_iso, Unset):
            due_at_iso = UNSET
        else:
            due_at_iso = datetime.datetime.fromisoformat(_due_at_iso)

        create_approval_request = cls(
            run_id=run_id,
            plan_id=plan_id,
            prompt=prompt,
            work_item_id=work_item_id,
            assignee_user_id=assignee_user_id,
            due_at_iso=due_at_iso,
        )

        return create_approval_request
