from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.approval_rule import ApprovalRule
    from ..models.workflow_action_v1 import WorkflowActionV1


T = TypeVar("T", bound="WorkflowV1")


@_attrs_define
class WorkflowV1:
    """A workflow in its newest version.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        workflow_id (str):
        workspace_id (str):
        name (str):
        version (int):
        active (bool):
        execution_tier (ExecutionTier): From "the yard does it" to "people do it".
        actions (list[WorkflowActionV1]):
        description (str | Unset):
        id (str | Unset):
        approval (ApprovalRule | Unset): Who has to agree, and by when. Whoever starts a run never approves it.
        timeout_seconds (float | Unset):
        policy_ids (list[str] | Unset):
    """

    workflow_id: str
    workspace_id: str
    name: str
    version: int
    active: bool
    execution_tier: ExecutionTier
    actions: list[WorkflowActionV1]
    schema_version: Literal[1] = 1
    description: str | Unset = UNSET
    id: str | Unset = UNSET
    approval: ApprovalRule | Unset = UNSET
    timeout_seconds: float | Unset = UNSET
    policy_ids: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        workflow_id = self.workflow_id

        workspace_id = self.workspace_id

        name = self.name

        version = self.version

        active = self.active

        execution_tier = self.execution_tier.value

        actions = []
        for actions_item_data in self.actions:
            actions_item = actions_item_data.to_dict()
            actions.append(actions_item)

        description = self.description

        id = self.id

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        timeout_seconds = self.timeout_seconds

        policy_ids: list[str] | Unset = UNSET
        if not isinstance(self.policy_ids, Unset):
            policy_ids = self.policy_ids

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "workflowId": workflow_id,
                "workspaceId": workspace_id,
                "name": name,
                "version": version,
                "active": active,
                "executionTier": execution_tier,
                "actions": actions,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if id is not UNSET:
            field_dict["id"] = id
        if approval is not UNSET:
            field_dict["approval"] = approval
        if timeout_seconds is not UNSET:
            field_dict["timeoutSeconds"] = timeout_seconds
        if policy_ids is not UNSET:
            field_dict["policyIds"] = policy_ids

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.approval_rule import ApprovalRule  # noqa: PLC0415
        from ..models.workflow_action_v1 import WorkflowActionV1  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        workflow_id = d.pop("workflowId")

        workspace_id = d.pop("workspaceId")

        name = d.pop("name")

        version = d.pop("version")

        active = d.pop("active")

        execution_tier = ExecutionTier(d.pop("executionTier"))

        actions = []
        _actions = d.pop("actions")
        for actions_item_data in _actions:
            actions_item = WorkflowActionV1.from_dict(actions_item_data)

            actions.append(actions_item)

        description = d.pop("description", UNSET)

        id = d.pop("id", UNSET)

        _approval = d.pop("approval", UNSET)
        approval: ApprovalRule | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = ApprovalRule.from_dict(_approval)

        timeout_seconds = d.pop("timeoutSeconds", UNSET)

        policy_ids = cast(list[str], d.pop("policyIds", UNSET))

        workflow_v1 = cls(
            schema_version=schema_version,
            workflow_id=workflow_id,
            workspace_id=workspace_id,
            name=name,
            version=version,
            active=active,
            execution_tier=execution_tier,
            actions=actions,
            description=description,
            id=id,
            approval=approval,
            timeout_seconds=timeout_seconds,
            policy_ids=policy_ids,
        )

        workflow_v1.additional_properties = d
        return workflow_v1

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
