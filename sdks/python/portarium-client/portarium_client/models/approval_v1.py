from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.approval_status import ApprovalStatus
from ..models.user_role import UserRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="ApprovalV1")


@_attrs_define
class ApprovalV1:
    """Somebody's agreement that a run waits for. What follows ``rationale`` is Runyard's own.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        approval_id (str):
        workspace_id (str):
        run_id (str):
        plan_id (str):
        prompt (str):
        status (ApprovalStatus): Where an approval is.
        requested_at_iso (datetime.datetime):
        requested_by_user_id (str):
        work_item_id (str | Unset):
        assignee_user_id (str | Unset):
        due_at_iso (datetime.datetime | Unset):
        decided_at_iso (datetime.datetime | Unset):
        decided_by_user_id (str | Unset):
        rationale (str | Unset):
        id (str | Unset):
        action_id (str | Unset):
        plan_hash (str | Unset):
        quorum (int | Unset):
        roles (list[UserRole] | Unset):
        approved_by_user_ids (list[str] | Unset):
        void (bool | Unset):
    """

    approval_id: str
    workspace_id: str
    run_id: str
    plan_id: str
    prompt: str
    status: ApprovalStatus
    requested_at_iso: datetime.datetime
    requested_by_user_id: str
    schema_version: Literal[1] = 1
    work_item_id: str | Unset = UNSET
    assignee_user_id: str | Unset = UNSET
    due_at_iso: datetime.datetime | Unset = UNSET
    decided_at_iso: datetime.datetime | Unset = UNSET
    decided_by_user_id: str | Unset = UNSET
    rationale: str | Unset = UNSET
    id: str | Unset = UNSET
    action_id: str | Unset = UNSET
    plan_hash: str | Unset = UNSET
    quorum: int | Unset = UNSET
    roles: list[UserRole] | Unset = UNSET
    approved_by_user_ids: list[str] | Unset = UNSET
    void: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        approval_id = self.approval_id

        workspace_id = self.workspace_id

        run_id = self.run_id

        plan_id = self.plan_id

        prompt = self.prompt

        status = self.status.value

        requested_at_iso = self.requested_at_iso.isoformat()

        requested_by_user_id = self.requested_by_user_id

        work_item_id = self.work_item_id

        assignee_user_id = self.assignee_user_id

        due_at_iso: str | Unset = UNSET
        if not isinstance(self.due_at_iso, Unset):
            due_at_iso = self.due_at_iso.isoformat()

        decided_at_iso: str | Unset = UNSET
        if not isinstance(self.decided_at_iso, Unset):
            decided_at_iso = self.decided_at_iso.isoformat()

        decided_by_user_id = self.decided_by_user_id

        rationale = self.rationale

        id = self.id

        action_id = self.action_id

        plan_hash = self.plan_hash

        quorum = self.quorum

        roles: list[str] | Unset = UNSET
        if not isinstance(self.roles, Unset):
            roles = []
            for roles_item_data in self.roles:
                roles_item = roles_item_data.value
                roles.append(roles_item)

        approved_by_user_ids: list[str] | Unset = UNSET
        if not isinstance(self.approved_by_user_ids, Unset):
            approved_by_user_ids = self.approved_by_user_ids

        void = self.void

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "approvalId": approval_id,
                "workspaceId": workspace_id,
                "runId": run_id,
                "planId": plan_id,
                "prompt": prompt,
                "status": status,
                "requestedAtIso": requested_at_iso,
                "requestedByUserId": requested_by_user_id,
            }
        )
        if work_item_id is not UNSET:
            field_dict["workItemId"] = work_item_id
        if assignee_user_id is not UNSET:
            field_dict["assigneeUserId"] = assignee_user_id
        if due_at_iso is not UNSET:
            field_dict["dueAtIso"] = due_at_iso
        if decided_at_iso is not UNSET:
            field_dict["decidedAtIso"] = decided_at_iso
        if decided_by_user_id is not UNSET:
            field_dict["decidedByUserId"] = decided_by_user_id
        if rationale is not UNSET:
            field_dict["rationale"] = rationale
        if id is not UNSET:
            field_dict["id"] = id
        if action_id is not UNSET:
            field_dict["actionId"] = action_id
        if plan_hash is not UNSET:
            field_dict["planHash"] = plan_hash
        if quorum is not UNSET:
            field_dict["quorum"] = quorum
        if roles is not UNSET:
            field_dict["roles"] = roles
        if approved_by_user_ids is not UNSET:
            field_dict["approvedByUserIds"] = approved_by_user_ids
        if void is not UNSET:
            field_dict["void"] = void

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        approval_id = d.pop("approvalId")

        workspace_id = d.pop("workspaceId")

        run_id = d.pop("runId")

        plan_id = d.pop("planId")

        prompt = d.pop("prompt")

        status = ApprovalStatus(d.pop("status"))

        requested_at_iso = datetime.datetime.fromisoformat(d.pop("requestedAtIso"))

        requested_by_user_id = d.pop("requestedByUserId")

        work_item_id = d.pop("workItemId", UNSET)

        assignee_user_id = d.pop("assigneeUserId", UNSET)

        _due_at_iso = d.pop("dueAtIso", UNSET)
        due_at_iso: datetime.datetime | Unset
        if isinstance(_due_at_iso, Unset):
            due_at_iso = UNSET
        else:
            due_at_iso = datetime.datetime.fromisoformat(_due_at_iso)

        _decided_at_iso = d.pop("decidedAtIso", UNSET)
        decided_at_iso: datetime.datetime | Unset
        if isinstance(_decided_at_iso, Unset):
            decided_at_iso = UNSET
        else:
            decided_at_iso = datetime.datetime.fromisoformat(_decided_at_iso)

        decided_by_user_id = d.pop("decidedByUserId", UNSET)

        rationale = d.pop("rationale", UNSET)

        id = d.pop("id", UNSET)

        action_id = d.pop("actionId", UNSET)

        plan_hash = d.pop("planHash", UNSET)

        quorum = d.pop("quorum", UNSET)

        _roles = d.pop("roles", UNSET)
        roles: list[UserRole] | Unset = UNSET
        if _roles is not UNSET:
            roles = []
            for roles_item_data in _roles:
                roles_item = UserRole(roles_item_data)

                roles.append(roles_item)

        approved_by_user_ids = cast(list[str], d.pop("approvedByUserIds", UNSET))

        void = d.pop("void", UNSET)

        approval_v1 = cls(
            schema_version=schema_version,
            approval_id=approval_id,
            workspace_id=workspace_id,
            run_id=run_id,
            plan_id=plan_id,
            prompt=prompt,
            status=status,
            requested_at_iso=requested_at_iso,
            requested_by_user_id=requested_by_user_id,
            work_item_id=work_item_id,
            assignee_user_id=assignee_user_id,
            due_at_iso=due_at_iso,
            decided_at_iso=decided_at_iso,
            decided_by_user_id=decided_by_user_id,
            rationale=rationale,
            id=id,
            action_id=action_id,
            plan_hash=plan_hash,
            quorum=quorum,
            roles=roles,
            approved_by_user_ids=approved_by_user_ids,
            void=void,
        )

        approval_v1.additional_properties = d
        return approval_v1

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
