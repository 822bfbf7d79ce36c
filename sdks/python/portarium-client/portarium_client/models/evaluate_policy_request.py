from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.evaluate_policy_request_context import EvaluatePolicyRequestContext


T = TypeVar("T", bound="EvaluatePolicyRequest")


@_attrs_define
class EvaluatePolicyRequest:
    """Something that an agent is about to do.

    Attributes:
        action_type: the tool or operation.
        context: facts that conditions may name as ``context.…``.

        Attributes:
            action_type (str):
            agent_id (str | Unset):
            run_id (str | Unset):
            correlation_id (str | Unset):
            context (EvaluatePolicyRequestContext | Unset):
    """

    action_type: str
    agent_id: str | Unset = UNSET
    run_id: str | Unset = UNSET
    correlation_id: str | Unset = UNSET
    context: EvaluatePolicyRequestContext | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        action_type = self.action_type

        agent_id = self.agent_id

        run_id = self.run_id

        correlation_id = self.correlation_id

        context: dict[str, Any] | Unset = UNSET
        if not isinstance(self.context, Unset):
            context = self.context.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "actionType": action_type,
            }
        )
        if agent_id is not UNSET:
            field_dict["agentId"] = agent_id
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if correlation_id is not UNSET:
            field_dict["correlationId"] = correlation_id
        if context is not UNSET:
            field_dict["context"] = context

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.evaluate_policy_request_context import EvaluatePolicyRequestContext  # noqa: PLC0415

        d = dict(src_dict)
        action_type = d.pop("actionType")

        agent_id = d.pop("agentId", UNSET)

        run_id = d.pop("runId", UNSET)

        correlation_id = d.pop("correlationId", UNSET)

        _context = d.pop("context", UNSET)
        context: EvaluatePolicyRequestContext | Unset
        if isinstance(_context, Unset):
            context = UNSET
        else:
            context = EvaluatePolicyRequestContext.from_dict(_context)

        evaluate_policy_request = cls(
            action_type=action_type,
            agent_id=agent_id,
            run_id=run_id,
            correlation_id=correlation_id,
            context=context,
        )

        return evaluate_policy_request
