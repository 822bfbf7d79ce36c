from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.report_request_status import ReportRequestStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.invocation_error import InvocationError
    from ..models.report_request_output import ReportRequestOutput


T = TypeVar("T", bound="ReportRequest")


@_attrs_define
class ReportRequest:
    """How an invocation goes on.

    Attributes:
        delivery: which delivery of it.
        log: text it has printed.
        progress: percent.

        Attributes:
            delivery (int):
            status (ReportRequestStatus | Unset):
            output (ReportRequestOutput | Unset):
            error (InvocationError | Unset): Why an invocation failed.

                Attributes:
                    code: for programs: ``cancelled``, ``timed-out``, ``machine-lost``, or what the machine says.
            log (str | Unset):
            progress (float | Unset):
    """

    delivery: int
    status: ReportRequestStatus | Unset = UNSET
    output: ReportRequestOutput | Unset = UNSET
    error: InvocationError | Unset = UNSET
    log: str | Unset = UNSET
    progress: float | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        delivery = self.delivery

        status: str | Unset = UNSET
        if not isinstance(self.status, Unset):
            status = self.status.value

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        log = self.log

        progress = self.progress

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "delivery": delivery,
            }
        )
        if status is not UNSET:
            field_dict["status"] = status
        if output is not UNSET:
            field_dict["output"] = output
        if error is not UNSET:
            field_dict["error"] = error
        if log is not UNSET:
            field_dict["log"] = log
        if progress is not UNSET:
            field_dict["progress"] = progress

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.invocation_error import InvocationError  # noqa: PLC0415
        from ..models.report_request_output import ReportRequestOutput  # noqa: PLC0415

        d = dict(src_dict)
        delivery = d.pop("delivery")

        _status = d.pop("status", UNSET)
        status: ReportRequestStatus | Unset
        if isinstance(_status, Unset):
            status = UNSET
        else:
            status = ReportRequestStatus(_status)

        _output = d.pop("output", UNSET)
        output: ReportRequestOutput | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = ReportRequestOutput.from_dict(_output)

        _error = d.pop("error", UNSET)
        error: InvocationError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = InvocationError.from_dict(_error)

        log = d.pop("log", UNSET)

        progress = d.pop("progress", UNSET)

        report_request = cls(
            delivery=delivery,
            status=status,
            output=output,
            error=error,
            log=log,
            progress=progress,
        )

        return report_request
