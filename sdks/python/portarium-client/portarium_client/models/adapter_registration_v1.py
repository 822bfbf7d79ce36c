from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.port_family import PortFamily
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1
    from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1
    from ..models.capability_claim_v1 import CapabilityClaimV1


T = TypeVar("T", bound="AdapterRegistrationV1")


@_attrs_define
class AdapterRegistrationV1:
    """An adapter.

    Attributes:
        schema_version (Literal[1]):  Default: 1.
        adapter_id (str):
        workspace_id (str):
        provider_slug (str):
        port_family (PortFamily): What sort of system an adapter speaks to.
        enabled (bool):
        execution_policy (AdapterExecutionPolicyV1): How an adapter is kept apart.
        capability_matrix (list[CapabilityClaimV1]):
        machine_registrations (list[AdapterMachineEntryV1] | Unset):
    """

    adapter_id: str
    workspace_id: str
    provider_slug: str
    port_family: PortFamily
    enabled: bool
    execution_policy: AdapterExecutionPolicyV1
    capability_matrix: list[CapabilityClaimV1]
    schema_version: Literal[1] = 1
    machine_registrations: list[AdapterMachineEntryV1] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_version = self.schema_version

        adapter_id = self.adapter_id

        workspace_id = self.workspace_id

        provider_slug = self.provider_slug

        port_family = self.port_family.value

        enabled = self.enabled

        execution_policy = self.execution_policy.to_dict()

        capability_matrix = []
        for capability_matrix_item_data in self.capability_matrix:
            capability_matrix_item = capability_matrix_item_data.to_dict()
            capability_matrix.append(capability_matrix_item)

        machine_registrations: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.machine_registrations, Unset):
            machine_registrations = []
            for machine_registrations_item_data in self.machine_registrations:
                machine_registrations_item = machine_registrations_item_data.to_dict()
                machine_registrations.append(machine_registrations_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "schemaVersion": schema_version,
                "adapterId": adapter_id,
                "workspaceId": workspace_id,
                "providerSlug": provider_slug,
                "portFamily": port_family,
                "enabled": enabled,
                "executionPolicy": execution_policy,
                "capabilityMatrix": capability_matrix,
            }
        )
        if machine_registrations is not UNSET:
            field_dict["machineRegistrations"] = machine_registrations

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1  # noqa: PLC0415
        from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1  # noqa: PLC0415
        from ..models.capability_claim_v1 import CapabilityClaimV1  # noqa: PLC0415

        d = dict(src_dict)
        schema_version = cast(Literal[1], d.pop("schemaVersion"))
        if schema_version != 1:
            raise ValueError(f"schemaVersion must match const 1, got '{schema_version}'")

        adapter_id = d.pop("adapterId")

        workspace_id = d.pop("workspaceId")

        provider_slug = d.pop("providerSlug")

        port_family = PortFamily(d.pop("portFamily"))

        enabled = d.pop("enabled")

        execution_policy = AdapterExecutionPolicyV1.from_dict(d.pop("executionPolicy"))

        capability_matrix = []
        _capability_matrix = d.pop("capabilityMatrix")
        for capability_matrix_item_data in _capability_matrix:
            capability_matrix_item = CapabilityClaimV1.from_dict(capability_matrix_item_data)

            capability_matrix.append(capability_matrix_item)

        _machine_registrations = d.pop("machineRegistrations", UNSET)
        machine_registrations: list[AdapterMachineEntryV1] | Unset = UNSET
        if _machine_registrations is not UNSET:
            machine_registrations = []
            for machine_registrations_item_data in _machine_registrations:
                machine_registrations_item = AdapterMachineEntryV1.from_dict(machine_registrations_item_data)

                machine_registrations.append(machine_registrations_item)

        adapter_registration_v1 = cls(
            schema_version=schema_version,
            adapter_id=adapter_id,
            workspace_id=workspace_id,
            provider_slug=provider_slug,
            port_family=port_family,
            enabled=enabled,
            execution_policy=execution_policy,
            capability_matrix=capability_matrix,
            machine_registrations=machine_registrations,
        )

        adapter_registration_v1.additional_properties = d
        return adapter_registration_v1

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
