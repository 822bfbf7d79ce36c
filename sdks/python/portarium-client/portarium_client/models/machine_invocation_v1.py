from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.invocation_status import InvocationStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.invocation_error import InvocationError
    from ..models.machine_invocation_v1_input import MachineInvocationV1Input
    from ..models.machine_invocation_v1_output import MachineInvocationV1Output


T = TypeVar("T", bound="MachineInvocationV1")


@_attrs_define
class MachineInvocationV1:
    """Something a machine was asked to do.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        invocation_id (str):
        status (InvocationStatus): Where an invocation is: waits for its machine, is being done, or has ended.
        status_url (str):
        machine_id (str):
        workspace_id (str):
        action (str):
        input_ (MachineInvocationV1Input):
        created_at_iso (datetime.datetime):
        due_at_iso (datetime.datetime):
        run_id (str | Unset):
        plan_id (str | Unset):
        action_id (str | Unset):
        started_at_iso (datetime.datetime | Unset):
        ended_at_iso (datetime.datetime | Unset):
        output (MachineInvocationV1Output | Unset):
        error (InvocationError | Unset): Why an invocation failed.

            Attributes:
                code: for programs: ``cancelled``, ``timed-out``, ``machine-lost``, or what the machine says.
    """

    invocation_id: str
    status: InvocationStatus
    status_url: str
    machine_id: str
    workspace_id: str
    action: str
    input_: MachineInvocationV1Input
    created_at_iso: datetime.datetime
    due_at_iso: datetime.datetime
    schema_version: Literal[1] = 1
    run_id: str | Unset = UNSET
    plan_id: str | Unset = UNSET
    action_id: str | Unset = UNSET
    started_at_iso: datetime.datetime | Unset = UNSET
    ended_at_iso: datetime.datetime | Unset = UNSET
    output: MachineInvocationV1Output | Unset = UNSET
    error: InvocationError | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        invocation_id = self.invocation_id

        status = self.status.value

        status_url = self.status_url

        machine_id = self.machine_id

        workspace_id = self.workspace_id

        action = self.action

        input_ = self.input_.to_dict()

        created_at_iso = self.created_at_iso.isoformat()

        due_at_iso = self.due_at_iso.isoformat()

        run_id = self.run_id

        plan_id = self.plan_id

        action_id = self.action_id

        started_at_iso: str | Unset = UNSET
        if not isinstance(self.started_at_iso, Unset):
            started_at_iso = self.started_at_iso.isoformat()

        ended_at_iso: str | Unset = UNSET
        if not isinstance(self.ended_at_iso, Unset):
            ended_at_iso = self.ended_at_iso.isoformat()

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

        error: dict[str, Any] | Unset = UNSET
        if not isinstance(self.error, Unset):
            error = self.error.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "invocationId": invocation_id,
                "status": status,
                "statusUrl": status_url,
                "machineId": machine_id,
                "workspaceId": workspace_id,
                "action": action,
                "input": input_,
                "createdAtIso": created_at_iso,
                "dueAtIso": due_at_iso,
            }
        )
        if run_id is not UNSET:
            field_dict["runId"] = run_id
        if plan_id is not UNSET:
            field_dict["planId"] = plan_id
        if action_id is not UNSET:
            field_dict["actionId"] = action_id
        if started_at_iso is not UNSET:
            field_dict["startedAtIso"] = started_at_iso
        if ended_at_iso is not UNSET:
            field_dict["endedAtIso"] = ended_at_iso
        if output is not UNSET:
            field_dict["output"] = output
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.invocation_error import InvocationError  # noqa: PLC0415
        from ..models.machine_invocation_v1_input import MachineInvocationV1Input  # noqa: PLC0415
        from ..models.machine_invocation_v1_output import MachineInvocationV1Output  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        invocation_id = d.pop("invocationId")

        status = InvocationStatus(d.pop("status"))

        status_url = d.pop("statusUrl")

        machine_id = d.pop("machineId")

        workspace_id = d.pop("workspaceId")

        action = d.pop("action")

        input_ = MachineInvocationV1Input.from_dict(d.pop("input"))

        created_at_iso = datetime.datetime.fromisoformat(d.pop("createdAtIso"))

        due_at_iso = datetime.datetime.fromisoformat(d.pop("dueAtIso"))

        run_id = d.pop("runId", UNSET)

        plan_id = d.pop("planId", UNSET)

        action_id = d.pop("actionId", UNSET)

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

        _output = d.pop("output", UNSET)
        output: MachineInvocationV1Output | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = MachineInvocationV1Output.from_dict(_output)

        _error = d.pop("error", UNSET)
        error: InvocationError | Unset
        if isinstance(_error, Unset):
            error = UNSET
        else:
            error = InvocationError.from_dict(_error)

        machine_invocation_v1 = cls(
            schema_version=schema_version,
            invocation_id=invocation_id,
            status=status,
            status_url=status_url,
            machine_id=machine_id,
            workspace_id=workspace_id,
            action=action,
            input_=input_,
            created_at_iso=created_at_iso,
            due_at_iso=due_at_iso,
            run_id=run_id,
            plan_id=plan_id,
            action_id=action_id,
            started_at_iso=started_at_iso,
            ended_at_iso=ended_at_iso,
            output=output,
            error=error,
        )

        machine_invocation_v1.additional_properties = d
        return machine_invocation_v1

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
