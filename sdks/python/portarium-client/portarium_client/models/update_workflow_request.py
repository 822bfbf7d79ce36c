from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.execution_tier import ExecutionTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.approval_rule import ApprovalRule
    from ..models.workflow_action_v1 import WorkflowActionV1


T = TypeVar("T", bound="UpdateWorkflowRequest")


@_attrs_define
class UpdateWorkflowRequest:
    """Changes to a workflow, at least one. Other actions, tiers or rules make a new version; runs keep theirs.

    Attributes:
        name (str | Unset):
        description (str | Unset):
        execution_tier (ExecutionTier | Unset): From "the yard does it" to "people do it".
        active (bool | Unset):
        actions (list[WorkflowActionV1] | Unset):
        approval (ApprovalRule | Unset): Who has to agree, and by when. Whoever starts a run never approves it.
        timeout_seconds (float | Unset):
        policy_ids (list[str] | Unset):
    """

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    execution_tier: ExecutionTier | Unset = UNSET
    active: bool | Unset = UNSET
    actions: list[WorkflowActionV1] | Unset = UNSET
    approval: ApprovalRule | Unset = UNSET
    timeout_seconds: float | Unset = UNSET
    policy_ids: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        description = self.description

        execution_tier: str | Unset = UNSET
        if not isinstance(self.execution_tier, Unset):
            execution_tier = self.execution_tier.value

        active = self.active

        actions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.actions, Unset):
            actions = []
            for actions_item_data in self.actions:
                actions_item = actions_item_data.to_dict()
                actions.append(actions_item)

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        timeout_seconds = self.timeout_seconds

        policy_ids: list[str] | Unset = UNSET
        if not isinstance(self.policy_ids, Unset):
            policy_ids = self.policy_ids

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if description is not UNSET:
            field_dict["description"] = description
        if execution_tier is not UNSET:
            field_dict["executionTier"] = execution_tier
        if active is not UNSET:
            field_dict["active"] = active
        if actions is not UNSET:
            field_dict["actions"] = actions
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
        name = d.pop("name", UNSET)

        description = d.pop("description", UNSET)

        _execution_tier = d.pop("executionTier", UNSET)
        execution_tier: ExecutionTier | Unset
        if isinstance(_execution_tier, Unset):
            execution_tier = UNSET
        else:
            execution_tier = ExecutionTier(_execution_tier)

        active = d.pop("active", UNSET)

        _actions = d.pop("actions", UNSET)
        actions: list[WorkflowActionV1] | Unset = UNSET
        if _actions is not UNSET:
            actions = []
            for actions_item_data in _actions:
                actions_item = WorkflowActionV1.from_dict(actions_item_data)

                actions.append(actions_item)

        _approval = d.pop("approval", UNSET)
        approval: ApprovalRule | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = ApprovalRule.from_dict(_approval)

        timeout_seconds = d.pop("timeoutSeconds", UNSET)

        policy_ids = cast(list[str], d.pop("policyIds", UNSET))

        update_workflow_request = cls(
            name=name,
            description=description,
            execution_tier=execution_tier,
            active=active,
            actions=actions,
            approval=approval,
            timeout_seconds=timeout_seconds,
            policy_ids=policy_ids,
        )

        return update_workflow_request
