from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.run_step_work import RunStepWork
from ..models.step_status import StepStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.run_error import RunError
    from ..models.run_step_files import RunStepFiles
    from ..models.run_step_input import RunStepInput
    from ..models.run_step_output import RunStepOutput


T = TypeVar("T", bound="RunStep")


@_attrs_define
class RunStep:
    """One action of a run.

    Attributes:
        action_id (str):
        operation (str):
        status (StepStatus): Where an action of a run is.
        attempt (int):
        work (RunStepWork | Unset):
        work_id (str | Unset):
        input_ (RunStepInput | Unset):
        output (RunStepOutput | Unset):
        files (RunStepFiles | Unset):
        error (RunError | Unset): Why a run or an action failed.
        started_at_iso (datetime.datetime | Unset):
        ended_at_iso (datetime.datetime | Unset):
    """

    action_id: str
    operation: str
    status: StepStatus
    attempt: int
    work: RunStepWork | Unset = UNSET
    work_id: str | Unset = UNSET
    input_: RunStepInput | Unset = UNSET
    output: RunStepOutput | Unset = UNSET
    files: RunStepFiles | Unset = UNSET
    error: RunError | Unset = UNSET
    started_at_iso: datetime.datetime | Unset = UNSET
    ended_at_iso: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        action_id = self.action_id

        operation = self.operation

        status = self.status.value

        attempt = self.attempt

        work: str | Unset = UNSET
        if not isinstance(self.work, Unset):
            work = self.work.value

        work_id = self.work_id

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

        files: dict[str, Any] | Unset = UNSET
        if not isinstance(self.files, Unset):
            files = self.files.to_dict()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        started_at_iso: str | Unset = UNSET
        if not isinstance(self.started_at_iso, Unset):
            started_at_iso = self.started_at_iso.isoformat()

        ended_at_iso: str | Unset = UNSET
        if not isinstance(self.ended_at_iso, Unset):
            ended_at_iso = self.ended_at_iso.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "actionId": action_id,
                "operation": operation,
                "status": status,
                "attempt": attempt,
            }
        )
        if work is not UNSET:
            field_dict["work"] = work
        if work_id is not UNSET:
            field_dict["workId"] = work_id
        if input_ is not UNSET:
            field_dict["input"] = input_
        if output is not UNSET:
            field_dict["output"] = output
        if files is not UNSET:
            field_dict["files"] = files
        if error is not UNSET:
            field_dict["error"] = error
        if started_at_iso is not UNSET:
            field_dict["startedAtIso"] = started_at_iso
        if ended_at_iso is not UNSET:
            field_dict["endedAtIso"] = ended_at_iso

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.run_error import RunError  # noqa: PLC0415
        from ..models.run_step_files import RunStepFiles  # noqa: PLC0415
        from ..models.run_step_input import RunStepInput  # noqa: PLC0415
        from ..models.run_step_output import RunStepOutput  # noqa: PLC0415

        d = dict(src_dict)
        action_id = d.pop("actionId")

        operation = d.pop("operation")

        status = StepStatus(d.pop("status"))

        attempt = d.pop("attempt")

        _work = d.pop("work", UNSET)
        work: RunStepWork | Unset
        if isinstance(_work, Unset):
            work = UNSET
        else:
            work = RunStepWork(_work)

        work_id = d.pop("workId", UNSET)

        _input_ = d.pop("input", UNSET)
        input_: RunStepInput | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = RunStepInput.from_dict(_input_)

        _output = d.pop("output", UNSET)
        output: RunStepOutput | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = RunStepOutput.from_dict(_output)

        _files = d.pop("files", UNSET)
        files: RunStepFiles | Unset
        if isinstance(_files, Unset):
            files = UNSET
        else:
            files = RunStepFiles.from_dict(_files)

        _error = d.pop("error", UNSET)
        error: RunError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = RunError.from_dict(_error)

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

        run_step = cls(
            action_id=action_id,
            operation=operation,
            status=status,
            attempt=attempt,
            work=work,
            work_id=work_id,
            input_=input_,
            output=output,
            files=files,
            error=error,
            started_at_iso=started_at_iso,
            ended_at_iso=ended_at_iso,
        )

        run_step.additional_properties = d
        return run_step

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
