"""What to run: the one model that is written by hand, so that a plain dict is enough and ``input`` is its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from ..types import UNSET, Unset
from .execution_tier import ExecutionTier


@define(init=False)
class StartRunRequest:
    """What to run, and with what.

    Args:
        workflow_id: the workflow.
        parameters: what it is given; ``input`` is another name for it. On the wire it is ``parameters``.
        input: what it is given.
        execution_tier: a stricter tier than the workflow's own.

    Raises:
        TypeError: both names are given, with different values.
    """

    workflow_id: str
    parameters: dict[str, Any] | Unset
    execution_tier: ExecutionTier | Unset

    def __init__(
        self,
        workflow_id: str,
        parameters: Mapping[str, Any] | Unset = UNSET,
        *,
        input: Mapping[str, Any] | Unset = UNSET,
        execution_tier: ExecutionTier | Unset = UNSET,
    ) -> None:
        if not isinstance(parameters, Unset) and not isinstance(input, Unset) and parameters != input:
            raise TypeError("parameters and input are two names of the same, and differ here; give one")
        given = input if isinstance(parameters, Unset) else parameters
        self.workflow_id = workflow_id
        self.parameters = given if isinstance(given, Unset) else dict(given)
        self.execution_tier = execution_tier

    @property
    def input(self) -> dict[str, Any] | Unset:
        """The parameters, by their other name."""
        return self.parameters

    def to_dict(self) -> dict[str, Any]:
        """The request's body."""
        body: dict[str, Any] = {"workflowId": self.workflow_id}
        if not isinstance(self.parameters, Unset):
            body["parameters"] = self.parameters
        if not isinstance(self.execution_tier, Unset):
            body["executionTier"] = self.execution_tier.value
        return body

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> StartRunRequest:
        """A request by its body, under whichever name it has the parameters."""
        names = ("parameters", "input", "inputPayload")
        tier = src_dict.get("executionTier", UNSET)
        return cls(
            src_dict["workflowId"],
            next((src_dict[name] for name in names if name in src_dict), UNSET),
            execution_tier=tier if isinstance(tier, Unset) else ExecutionTier(tier),
        )
