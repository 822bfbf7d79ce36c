from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.execute_agent_action_request_payload import ExecuteAgentActionRequestPayload


T = TypeVar("T", bound="ExecuteAgentActionRequest")


@_attrs_define
class ExecuteAgentActionRequest:
    """An approved action is to be done now.

    Attributes:
        flow_ref: what the caller calls this execution.
        payload: what is to be done, as it was approved; something else is refused.

        Attributes:
            flow_ref (str):
            payload (ExecuteAgentActionRequestPayload | Unset):
    """

    flow_ref: str
    payload: ExecuteAgentActionRequestPayload | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        flow_ref = self.flow_ref

        payload: dict[str, Any] | Unset = UNSET
        if not isinstance(self.payload, Unset):
            payload = self.payload.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "flowRef": flow_ref,
            }
        )
        if payload is not UNSET:
            field_dict["payload"] = payload

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.execute_agent_action_request_payload import ExecuteAgentActionRequestPayload  # noqa: PLC0415

        d = dict(src_dict)
        flow_ref = d.pop("flowRef")

        _payload = d.pop("payload", UNSET)
        payload: ExecuteAgentActionRequestPayload | Unset
        if isinstance(_payload, Unset):
            payload = UNSET
        else:
            payload = ExecuteAgentActionRequestPayload.from_dict(_payload)

        execute_agent_action_request = cls(
            flow_ref=flow_ref,
            payload=payload,
        )

        return execute_agent_action_request
