from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.approval_rule import ApprovalRule
    from ..models.workflow_action_v1 import WorkflowActionV1


T = TypeVar("T", bound="CreateWorkflowRequest")


@_attrs_define
class CreateWorkflowRequest:
    """A new workflow. Its actions follow each other unless one of them says what it depends on.

    Attributes:
        name (str):
        execution_tier (ExecutionTier): From "the yard does it" to "people do it".
        actions (list[WorkflowActionV1]):
        description (str | Unset):
        approval (ApprovalRule | Unset): Who has to agree, and by when. Whoever starts a run never approves it.
        timeout_seconds (float | Unset):
        policy_ids (list[str] | Unset):
    """

    name: str
    execution_tier: ExecutionTier
    actions: list[WorkflowActionV1]
    description: str | Unset = UNSET
    approval: ApprovalRule | Unset = UNSET
    timeout_seconds: float | Unset = UNSET
    policy_ids: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        execution_tier = self.execution_tier.value

        actions = []
        for actions_item_data in self.actions:
            actions_item = actions_item_data.to_dict()
            actions.append(actions_item)

        description = self.description

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        timeout_seconds = self.timeout_seconds

        policy_ids: list[str] | Unset = UNSET
        if not isinstance(self.policy_ids, Unset):
            policy_ids = self.policy_ids

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "executionTier": execution_tier,
                "actions": actions,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
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
        name = d.pop("name")

        execution_tier = ExecutionTier(d.pop("executionTier"))

        actions = []
        _actions = d.pop("actions")
        for actions_item_data in _actions:
            actions_item = WorkflowActionV1.from_dict(actions_item_data)

            actions.append(actions_item)

        description = d.pop("description", UNSET)

        _approval = d.pop("approval", UNSET)
        approval: ApprovalRule | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = ApprovalRule.from_dict(_approval)

        timeout_seconds = d.pop("timeoutSeconds", UNSET)

        policy_ids = cast(list[str], d.pop("policyIds", UNSET))

        create_workflow_request = cls(
            name=name,
            execution_tier=execution_tier,
            actions=actions,
            description=description,
            approval=approval,
            timeout_seconds=timeout_seconds,
            policy_ids=policy_ids,
        )

        return create_workflow_request
