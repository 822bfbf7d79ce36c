from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.plan_run_request_input import PlanRunRequestInput
    from ..models.plan_run_request_parameters import PlanRunRequestParameters


T = TypeVar("T", bound="PlanRunRequest")


@_attrs_define
class PlanRunRequest:
    """What changes in a run's plan.

    Attributes:
        parameters (PlanRunRequestParameters | Unset):
        input_ (PlanRunRequestInput | Unset):
    """

    parameters: PlanRunRequestParameters | Unset = UNSET
    input_: PlanRunRequestInput | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        parameters: dict[str, Any] | Unset = UNSET
        if not isinstance(self.parameters, Unset):
            parameters = self.parameters.to_dict()

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if parameters is not UNSET:
            field_dict["parameters"] = parameters
        if input_ is not UNSET:
            field_dict["input"] = input_

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.plan_run_request_input import PlanRunRequestInput  # noqa: PLC0415
        from ..models.plan_run_request_parameters import PlanRunRequestParameters  # noqa: PLC0415

        d = dict(src_dict)
        _parameters = d.pop("parameters", UNSET)
        parameters: PlanRunRequestParameters | Unset
        if isinstance(_parameters, Unset):
            parameters = UNSET
        else:
            parameters = PlanRunRequestParameters.from_dict(_parameters)

        _input_ = d.pop("input", UNSET)
        input_: PlanRunRequestInput | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = PlanRunRequestInput.from_dict(_input_)

        plan_run_request = cls(
            parameters=parameters,
            input_=input_,
        )

        return plan_run_request
