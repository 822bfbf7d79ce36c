from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.agent_action_execution_status import AgentActionExecutionStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_action_execution_output import AgentActionExecutionOutput


T = TypeVar("T", bound="AgentActionExecution")


@_attrs_define
class AgentActionExecution:
    """How an approved action goes.

    Attributes:
        execution_id (str):
        approval_id (str):
        status (AgentActionExecutionStatus):
        output (AgentActionExecutionOutput | Unset):
        error_message (str | Unset):
    """

    execution_id: str
    approval_id: str
    status: AgentActionExecutionStatus
    output: AgentActionExecutionOutput | Unset = UNSET
    error_message: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        execution_id = self.execution_id

        approval_id = self.approval_id

        status = self.status.value

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

        error_message = self.error_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "executionId": execution_id,
                "approvalId": approval_id,
                "status": status,
            }
        )
        if output is not UNSET:
            field_dict["output"] = output
        if error_message is not UNSET:
            field_dict["errorMessage"] = error_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.agent_action_execution_output import AgentActionExecutionOutput  # noqa: PLC0415

        d = dict(src_dict)
        execution_id = d.pop("executionId")

        approval_id = d.pop("approvalId")

        status = AgentActionExecutionStatus(d.pop("status"))

        _output = d.pop("output", UNSET)
        output: AgentActionExecutionOutput | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = AgentActionExecutionOutput.from_dict(_output)

        error_message = d.pop("errorMessage", UNSET)

        agent_action_execution = cls(
            execution_id=execution_id,
            approval_id=approval_id,
            status=status,
            output=output,
            error_message=error_message,
        )

        agent_action_execution.additional_properties = d
        return agent_action_execution

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
