from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.human_task_status import HumanTaskStatus
from ..models.workforce_capability import WorkforceCapability
from ..types import UNSET, Unset

T = TypeVar("T", bound="HumanTaskV1")


@_attrs_define
class HumanTaskV1:
    """What a run asks a person to do.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        human_task_id (str):
        work_item_id (str):
        run_id (str):
        step_id (str):
        description (str):
        required_capabilities (list[WorkforceCapability]):
        status (HumanTaskStatus): Where a task for a person stands.
        assignee_id (str | Unset):
        group_id (str | Unset):
        due_at (datetime.datetime | Unset):
        completed_at (datetime.datetime | Unset):
        completed_by_id (str | Unset):
        evidence_anchor_id (str | Unset):
    """

    human_task_id: str
    work_item_id: str
    run_id: str
    step_id: str
    description: str
    required_capabilities: list[WorkforceCapability]
    status: HumanTaskStatus
    schema_version: Literal[1] = 1
    assignee_id: str | Unset = UNSET
    group_id: str | Unset = UNSET
    due_at: datetime.datetime | Unset = UNSET
    completed_at: datetime.datetime | Unset = UNSET
    completed_by_id: str | Unset = UNSET
    evidence_anchor_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        human_task_id = self.human_task_id

        work_item_id = self.work_item_id

        run_id = self.run_id

        step_id = self.step_id

        description = self.description

        required_capabilities = []
        for required_capabilities_item_data in self.required_capabilities:
            required_capabilities_item = required_capabilities_item_data.value
            required_capabilities.append(required_capabilities_item)

        status = self.status.value

        assignee_id = self.assignee_id

        group_id = self.group_id

        due_at: str | Unset = UNSET
        if not isinstance(self.due_at, Unset):
            due_at = self.due_at.isoformat()

        completed_at: str | Unset = UNSET
        if not isinstance(self.completed_at, Unset):
            completed_at = self.completed_at.isoformat()

        completed_by_id = self.completed_by_id

        evidence_anchor_id = self.evidence_anchor_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "humanTaskId": human_task_id,
                "workItemId": work_item_id,
                "runId": run_id,
                "stepId": step_id,
                "description": description,
                "requiredCapabilities": required_capabilities,
                "status": status,
            }
        )
        if assignee_id is not UNSET:
            field_dict["assigneeId"] = assignee_id
        if group_id is not UNSET:
            field_dict["groupId"] = group_id
        if due_at is not UNSET:
            field_dict["dueAt"] = due_at
        if completed_at is not UNSET:
            field_dict["completedAt"] = completed_at
        if completed_by_id is not UNSET:
            field_dict["completedById"] = completed_by_id
        if evidence_anchor_id is not UNSET:
            field_dict["evidenceAnchorId"] = evidence_anchor_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        human_task_id = d.pop("humanTaskId")

        work_item_id = d.pop("workItemId")

        run_id = d.pop("runId")

        step_id = d.pop("stepId")

        description = d.pop("description")

        required_capabilities = []
        _required_capabilities = d.pop("requiredCapabilities")
        for required_capabilities_item_data in _required_capabilities:
            required_capabilities_item = WorkforceCapability(required_capabilities_item_data)

            required_capabilities.append(required_capabilities_item)

        status = HumanTaskStatus(d.pop("status"))

        assignee_id = d.pop("assigneeId", UNSET)

        group_id = d.pop("groupId", UNSET)

        _due_at = d.pop("dueAt", UNSET)
        due_at: datetime.datetime | Unset
        if isinstance(_due_at, Unset):
            due_at = UNSET
        else:
            due_at = datetime.datetime.fromisoformat(_due_at)

        _completed_at = d.pop("completedAt", UNSET)
        completed_at: datetime.datetime | Unset
        if isinstance(_completed_at, Unset):
            completed_at = UNSET
        else:
            completed_at = datetime.datetime.fromisoformat(_completed_at)

        completed_by_id = d.pop("completedById", UNSET)

        evidence_anchor_id = d.pop("evidenceAnchorId", UNSET)

        human_task_v1 = cls(
            schema_version=schema_version,
            human_task_id=human_task_id,
            work_item_id=work_item_id,
            run_id=run_id,
            step_id=step_id,
            description=description,
            required_capabilities=required_capabilities,
            status=status,
            assignee_id=assignee_id,
            group_id=group_id,
            due_at=due_at,
            completed_at=completed_at,
            completed_by_id=completed_by_id,
            evidence_anchor_id=evidence_anchor_id,
        )

        human_task_v1.additional_properties = d
        return human_task_v1

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
