from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.execution_tier import ExecutionTier
from ..models.run_status import RunStatus
from ..models.run_v1_control_state import RunV1ControlState
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.run_error import RunError
    from ..models.run_links import RunLinks
    from ..models.run_step import RunStep
    from ..models.run_v1_input import RunV1Input
    from ..models.run_v1_output import RunV1Output
    from ..models.run_v1_parameters import RunV1Parameters


T = TypeVar("T", bound="RunV1")


@_attrs_define
class RunV1:
    """A run. ``id``, ``input`` and what follows ``endedAtIso`` is Runyard's own.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        run_id (str):
        workspace_id (str):
        workflow_id (str):
        correlation_id (str):
        execution_tier (ExecutionTier): From "the yard does it" to "people do it".
        initiated_by_user_id (str):
        status (RunStatus): Where a run is, in the protocol's words.
        created_at_iso (datetime.datetime):
        started_at_iso (datetime.datetime | Unset):
        ended_at_iso (datetime.datetime | Unset):
        id (str | Unset):
        workflow_version (int | Unset):
        parameters (RunV1Parameters | Unset):
        input_ (RunV1Input | Unset):
        output (RunV1Output | Unset):
        error (RunError | Unset): Why a run or an action failed.
        steps (list[RunStep] | Unset):
        control_state (RunV1ControlState | Unset):
        operator_owner_id (str | Unset):
        retry_of_run_id (str | Unset):
        links (RunLinks | Unset): Where more of a run is.
    """

    run_id: str
    workspace_id: str
    workflow_id: str
    correlation_id: str
    execution_tier: ExecutionTier
    initiated_by_user_id: str
    status: RunStatus
    created_at_iso: datetime.datetime
    schema_version: Literal[1] = 1
    started_at_iso: datetime.datetime | Unset = UNSET
    ended_at_iso: datetime.datetime | Unset = UNSET
    id: str | Unset = UNSET
    workflow_version: int | Unset = UNSET
    parameters: RunV1Parameters | Unset = UNSET
    input_: RunV1Input | Unset = UNSET
    output: RunV1Output | Unset = UNSET
    error: RunError | Unset = UNSET
    steps: list[RunStep] | Unset = UNSET
    control_state: RunV1ControlState | Unset = UNSET
    operator_owner_id: str | Unset = UNSET
    retry_of_run_id: str | Unset = UNSET
    links: RunLinks | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        run_id = self.run_id

        workspace_id = self.workspace_id

        workflow_id = self.workflow_id

        correlation_id = self.correlation_id

        execution_tier = self.execution_tier.value

        initiated_by_user_id = self.initiated_by_user_id

        status = self.status.value

        created_at_iso = self.created_at_iso.isoformat()

        started_at_iso: str | Unset = UNSET
        if not isinstance(self.started_at_iso, Unset):
            started_at_iso = self.started_at_iso.isoformat()

        ended_at_iso: str | Unset = UNSET
        if not isinstance(self.ended_at_iso, Unset):
            ended_at_iso = self.ended_at_iso.isoformat()

        id = self.id

        workflow_version = self.workflow_version

        parameters: dict[str, Any] | Unset = UNSET
        if not isinstance(self.parameters, Unset):
            parameters = self.parameters.to_dict()

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        steps: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.steps, Unset):
            steps = []
            for steps_item_data in self.steps:
                steps_item = steps_item_data.to_dict()
                steps.append(steps_item)

        control_state: str | Unset = UNSET
        if not isinstance(self.control_state, Unset):
            control_state = self.control_state.value

        operator_owner_id = self.operator_owner_id

        retry_of_run_id = self.retry_of_run_id

        links: dict[str, Any] | Unset = UNSET
        if not isinstance(self.links, Unset):
            links = self.links.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "runId": run_id,
                "workspaceId": workspace_id,
                "workflowId": workflow_id,
                "correlationId": correlation_id,
                "executionTier": execution_tier,
                "initiatedByUserId": initiated_by_user_id,
                "status": status,
                "createdAtIso": created_at_iso,
            }
        )
        if started_at_iso is not UNSET:
            field_dict["startedAtIso"] = started_at_iso
        if ended_at_iso is not UNSET:
            field_dict["endedAtIso"] = ended_at_iso
        if id is not UNSET:
            field_dict["id"] = id
        if workflow_version is not UNSET:
            field_dict["workflowVersion"] = workflow_version
        if parameters is not UNSET:
            field_dict["parameters"] = parameters
        if input_ is not UNSET:
            field_dict["input"] = input_
        if output is not UNSET:
            field_dict["output"] = output
        if error is not UNSET:
            field_dict["error"] = error
        if steps is not UNSET:
            field_dict["steps"] = steps
        if control_state is not UNSET:
            field_dict["controlState"] = control_state
        if operator_owner_id is not UNSET:
            field_dict["operatorOwnerId"] = operator_owner_id
        if retry_of_run_id is not UNSET:
            field_dict["retryOfRunId"] = retry_of_run_id
        if links is not UNSET:
            field_dict["links"] = links

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.run_error import RunError  # noqa: PLC0415
        from ..models.run_links import RunLinks  # noqa: PLC0415
        from ..models.run_step import RunStep  # noqa: PLC0415
        from ..models.run_v1_input import RunV1Input  # noqa: PLC0415
        from ..models.run_v1_output import RunV1Output  # noqa: PLC0415
        from ..models.run_v1_parameters import RunV1Parameters  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        run_id = d.pop("runId")

        workspace_id = d.pop("workspaceId")

        workflow_id = d.pop("workflowId")

        correlation_id = d.pop("correlationId")

        execution_tier = ExecutionTier(d.pop("executionTier"))

        initiated_by_user_id = d.pop("initiatedByUserId")

        status = RunStatus(d.pop("status"))

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        _started_at_iso = d.pop("startedAtIso", UNSET)
        started_at_iso: datetime.datetime | Unset
        if isinstance(_started_at_iso, Unset):
            started_at_iso = UNSET
        else:
            started_at_iso = datetime.datetime.fromisoformat(_started_at_iso)

        _ended_at_iso = d.pop("endedAtIso", UNSET)
        ended_at_iso: datetime.datetime | Unset
        if isinstance(_ended_at_iso, Unset):
            ended_at_iso = UNSET
        else:
            ended_at_iso = datetime.datetime.fromisoformat(_ended_at_iso)

        id = d.pop("id", UNSET)

        workflow_version = d.pop("workflowVersion", UNSET)

        _parameters = d.pop("parameters", UNSET)
        parameters: RunV1Parameters | Unset
        if isinstance(_parameters, Unset):
            parameters = UNSET
        else:
            parameters = RunV1Parameters.from_dict(_parameters)

        _input_ = d.pop("input", UNSET)
        input_: RunV1Input | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = RunV1Input.from_dict(_input_)

        _output = d.pop("output", UNSET)
        output: RunV1Output | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = RunV1Output.from_dict(_output)

        _error = d.pop("error", UNSET)
        error: RunError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = RunError.from_dict(_error)

        _steps = d.pop("steps", UNSET)
        steps: list[RunStep] | Unset = UNSET
        if _steps is not UNSET:
            steps = []
            for steps_item_data in _steps:
                steps_item = RunStep.from_dict(steps_item_data)

                steps.append(steps_item)

        _control_state = d.pop("controlState", UNSET)
        control_state: RunV1ControlState | Unset
        if isinstance(_control_state, Unset):
            control_state = UNSET
        else:
            control_state = RunV1ControlState(_control_state)

        operator_owner_id = d.pop("operatorOwnerId", UNSET)

        retry_of_run_id = d.pop("retryOfRunId", UNSET)

        _links = d.pop("links", UNSET)
        links: RunLinks | Unset
        if isinstance(_links, Unset):
            links = UNSET
        else:
            links = RunLinks.from_dict(_links)

        run_v1 = cls(
            schema_version=schema_version,
            run_id=run_id,
            workspace_id=workspace_id,
            workflow_id=workflow_id,
            correlation_id=correlation_id,
            execution_tier=execution_tier,
            initiated_by_user_id=initiated_by_user_id,
            status=status,
            created_at_iso=created_at_iso,
            started_at_iso=started_at_iso,
            ended_at_iso=ended_at_iso,
            id=id,
            workflow_version=workflow_version,
            parameters=parameters,
            input_=input_,
            output=output,
            error=error,
            steps=steps,
            control_state=control_state,
            operator_owner_id=operator_owner_id,
            retry_of_run_id=retry_of_run_id,
            links=links,
        )

        run_v1.additional_properties = d
        return run_v1

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
