from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.execution_tier import ExecutionTier
from ..models.port_family import PortFamily
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.approval_rule import ApprovalRule
    from ..models.retry_policy import RetryPolicy
    from ..models.workflow_action_v1_input import WorkflowActionV1Input


T = TypeVar("T", bound="WorkflowActionV1")


@_attrs_define
class WorkflowActionV1:
    """One thing that a workflow does.

    Attributes:
        action_id (str):
        order (int):
        port_family (PortFamily): What sort of system an adapter speaks to.
        operation (str):
        execution_tier_override (ExecutionTier | Unset): From "the yard does it" to "people do it".
        input_ (WorkflowActionV1Input | Unset):
        depends_on (list[str] | Unset):
        timeout_seconds (float | Unset):
        retry (RetryPolicy | Unset): How often an action is tried. The pause doubles each time, up to half a minute.
        approval (ApprovalRule | Unset): Who has to agree, and by when. Whoever starts a run never approves it.
    """

    action_id: str
    order: int
    port_family: PortFamily
    operation: str
    execution_tier_override: ExecutionTier | Unset = UNSET
    input_: WorkflowActionV1Input | Unset = UNSET
    depends_on: list[str] | Unset = UNSET
    timeout_seconds: float | Unset = UNSET
    retry: RetryPolicy | Unset = UNSET
    approval: ApprovalRule | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        action_id = self.action_id

        order = self.order

        port_family = self.port_family.value

        operation = self.operation

        execution_tier_override: str | Unset = UNSET
        if not isinstance(self.execution_tier_override, Unset):
            execution_tier_override = self.execution_tier_override.value

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        depends_on: list[str] | Unset = UNSET
        if not isinstance(self.depends_on, Unset):
            depends_on = self.depends_on

        timeout_seconds = self.timeout_seconds

        retry: dict[str, Any] | Unset = UNSET
        if not isinstance(self.retry, Unset):
            retry = self.retry.to_dict()

        approval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.approval, Unset):
            approval = self.approval.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "actionId": action_id,
                "order": order,
                "portFamily": port_family,
                "operation": operation,
            }
        )
        if execution_tier_override is not UNSET:
            field_dict["executionTierOverride"] = execution_tier_override
        if input_ is not UNSET:
            field_dict["input"] = input_
        if depends_on is not UNSET:
            field_dict["dependsOn"] = depends_on
        if timeout_seconds is not UNSET:
            field_dict["timeoutSeconds"] = timeout_seconds
        if retry is not UNSET:
            field_dict["retry"] = retry
        if approval is not UNSET:
            field_dict["approval"] = approval

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.approval_rule import ApprovalRule  # noqa: PLC0415
        from ..models.retry_policy import RetryPolicy  # noqa: PLC0415
        from ..models.workflow_action_v1_input import WorkflowActionV1Input  # noqa: PLC0415

        d = dict(src_dict)
        action_id = d.pop("actionId")

        order = d.pop("order")

        port_family = PortFamily(d.pop("portFamily"))

        operation = d.pop("operation")

        _execution_tier_override = d.pop("executionTierOverride", UNSET)
        execution_tier_override: ExecutionTier | Unset
        if isinstance(_execution_tier_override, Unset):
            execution_tier_override = UNSET
        else:
            execution_tier_override = ExecutionTier(_execution_tier_override)

        _input_ = d.pop("input", UNSET)
        input_: WorkflowActionV1Input | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = WorkflowActionV1Input.from_dict(_input_)

        depends_on = cast(list[str], d.pop("dependsOn", UNSET))

        timeout_seconds = d.pop("timeoutSeconds", UNSET)

        _retry = d.pop("retry", UNSET)
        retry: RetryPolicy | Unset
        if isinstance(_retry, Unset):
            retry = UNSET
        else:
            retry = RetryPolicy.from_dict(_retry)

        _approval = d.pop("approval", UNSET)
        approval: ApprovalRule | Unset
        if isinstance(_approval, Unset):
            approval = UNSET
        else:
            approval = ApprovalRule.from_dict(_approval)

        workflow_action_v1 = cls(
            action_id=action_id,
            order=order,
            port_family=port_family,
            operation=operation,
            execution_tier_override=execution_tier_override,
            input_=input_,
            depends_on=depends_on,
            timeout_seconds=timeout_seconds,
            retry=retry,
            approval=approval,
        )

        return workflow_action_v1
