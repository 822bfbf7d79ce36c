from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_machine_invocation_request_input import CreateMachineInvocationRequestInput


T = TypeVar("T", bound="CreateMachineInvocationRequest")


@_attrs_define
class CreateMachineInvocationRequest:
    """Something a machine is to do.

    Attributes:
        action: the operation, ``entity:verb``.
        timeout_seconds: by when it has to have ended, waiting included.

        Attributes:
            action (str):
            schema_version (Literal[1] | Unset):  Default: 1.
            invocation_id (str | Unset):
            machine_id (str | Unset):
            workspace_id (str | Unset):
            input_ (CreateMachineInvocationRequestInput | Unset):
            timeout_seconds (float | Unset):  Default: 3600.0.
    """

    action: str
    schema_version: Literal[1] | Unset = 1
    invocation_id: str | Unset = UNSET
    machine_id: str | Unset = UNSET
    workspace_id: str | Unset = UNSET
    input_: CreateMachineInvocationRequestInput | Unset = UNSET
    timeout_seconds: float | Unset = 3600.0

    def to_dict(self) -> dict[str, Any]:
        action = self.action

        schema_version = self.schema_version

        invocation_id = self.invocation_id

        machine_id = self.machine_id

        workspace_id = self.workspace_id

        input_: dict[str, Any] | Unset = UNSET
        if not isinstance(self.input_, Unset):
            input_ = self.input_.to_dict()

        timeout_seconds = self.timeout_seconds

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "action": action,
            }
        )
        if schema_version is not UNSET:
            field_dict["schemaVersion"] = schema_version
        if invocation_id is not UNSET:
            field_dict["invocationId"] = invocation_id
        if machine_id is not UNSET:
            field_dict["machineId"] = machine_id
        if workspace_id is not UNSET:
            field_dict["workspaceId"] = workspace_id
        if input_ is not UNSET:
            field_dict["input"] = input_
        if timeout_seconds is not UNSET:
            field_dict["timeoutSeconds"] = timeout_seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.create_machine_invocation_request_input import CreateMachineInvocationRequestInput  # noqa: PLC0415

        d = dict(src_dict)
        action = d.pop("action")

        schema_version = cast(Literal[1] | Unset, d.pop("schemaVersion", UNSET))
        if schema_version != 1 and not isinstance(schema_version, Unset):
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        invocation_id = d.pop("invocationId", UNSET)

        machine_id = d.pop("machineId", UNSET)

        workspace_id = d.pop("workspaceId", UNSET)

        _input_ = d.pop("input", UNSET)
        input_: CreateMachineInvocationRequestInput | Unset
        if isinstance(_input_, Unset):
            input_ = UNSET
        else:
            input_ = CreateMachineInvocationRequestInput.from_dict(_input_)

        timeout_seconds = d.pop("timeoutSeconds", UNSET)

        create_machine_invocation_request = cls(
            action=action,
            schema_version=schema_version,
            invocation_id=invocation_id,
            machine_id=machine_id,
            workspace_id=workspace_id,
            input_=input_,
            timeout_seconds=timeout_seconds,
        )

        return create_machine_invocation_request
