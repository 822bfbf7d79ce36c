from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.port_family import PortFamily
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1
    from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1
    from ..models.capability_claim_v1 import CapabilityClaimV1


T = TypeVar("T", bound="CreateAdapterRegistrationRequest")


@_attrs_define
class CreateAdapterRegistrationRequest:
    """A new adapter.

    Attributes:
        provider_slug (str):
        port_family (PortFamily): What sort of system an adapter speaks to.
        execution_policy (AdapterExecutionPolicyV1): How an adapter is kept apart.
        capability_matrix (list[CapabilityClaimV1]):
        enabled (bool | Unset):  Default: True.
        machine_registrations (list[AdapterMachineEntryV1] | Unset):
    """

    provider_slug: str
    port_family: PortFamily
    execution_policy: AdapterExecutionPolicyV1
    capability_matrix: list[CapabilityClaimV1]
    enabled: bool | Unset = True
    machine_registrations: list[AdapterMachineEntryV1] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        provider_slug = self.provider_slug

        port_family = self.port_family.value

        execution_policy = self.execution_policy.to_dict()

        capability_matrix = []
        for capability_matrix_item_data in self.capability_matrix:
            capability_matrix_item = capability_matrix_item_data.to_dict()
            capability_matrix.append(capability_matrix_item)

        enabled = self.enabled

        machine_registrations: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.machine_registrations, Unset):
            machine_registrations = []
            for machine_registrations_item_data in self.machine_registrations:
                machine_registrations_item = machine_registrations_item_data.to_dict()
                machine_registrations.append(machine_registrations_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "providerSlug": provider_slug,
                "portFamily": port_family,
                "executionPolicy": execution_policy,
                "capabilityMatrix": capability_matrix,
            }
        )
        if enabled is not UNSET:
            field_dict["enabled"] = enabled
        if machine_registrations is not UNSET:
            field_dict["machineRegistrations"] = machine_registrations

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1  # noqa: PLC0415
        from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1  # noqa: PLC0415
        from ..models.capability_claim_v1 import CapabilityClaimV1  # noqa: PLC0415

        d = dict(src_dict)
        provider_slug = d.pop("providerSlug")

        port_family = PortFamily(d.pop("portFamily"))

        execution_policy = AdapterExecutionPolicyV1.from_dict(d.pop("executionPolicy"))

        capability_matrix = []
        _capability_matrix = d.pop("capabilityMatrix")
        for capability_matrix_item_data in _capability_matrix:
            capability_matrix_item = CapabilityClaimV1.from_dict(capability_matrix_item_data)

            capability_matrix.append(capability_matrix_item)

        enabled = d.pop("enabled", UNSET)

        _machine_registrations = d.pop("machineRegistrations", UNSET)
        machine_registrations: list[AdapterMachineEntryV1] | Unset = UNSET
        if _machine_registrations is not UNSET:
            machine_registrations = []
            for machine_registrations_item_data in _machine_registrations:
                machine_registrations_item = AdapterMachineEntryV1.from_dict(machine_registrations_item_data)

                machine_registrations.append(machine_registrations_item)

        create_adapter_registration_request = cls(
            provider_slug=provider_slug,
            port_family=port_family,
            execution_policy=execution_policy,
            capability_matrix=capability_matrix,
            enabled=enabled,
            machine_registrations=machine_registrations,
        )

        return create_adapter_registration_request
