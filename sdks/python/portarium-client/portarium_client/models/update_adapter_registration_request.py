from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1
    from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1
    from ..models.capability_claim_v1 import CapabilityClaimV1


T = TypeVar("T", bound="UpdateAdapterRegistrationRequest")


@_attrs_define
class UpdateAdapterRegistrationRequest:
    """Changes to an adapter, at least one.

    Attributes:
        provider_slug (str | Unset):
        enabled (bool | Unset):
        execution_policy (AdapterExecutionPolicyV1 | Unset): How an adapter is kept apart.
        capability_matrix (list[CapabilityClaimV1] | Unset):
        machine_registrations (list[AdapterMachineEntryV1] | Unset):
    """

    provider_slug: str | Unset = UNSET
    enabled: bool | Unset = UNSET
    execution_policy: AdapterExecutionPolicyV1 | Unset = UNSET
    capability_matrix: list[CapabilityClaimV1] | Unset = UNSET
    machine_registrations: list[AdapterMachineEntryV1] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        provider_slug = self.provider_slug

        enabled = self.enabled

        execution_policy: dict[str, Any] | Unset = UNSET
        if not isinstance(self.execution_policy, Unset):
            execution_policy = self.execution_policy.to_dict()

        capability_matrix: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.capability_matrix, Unset):
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

        field_dict.update({})
        if provider_slug is not UNSET:
            field_dict["providerSlug"] = provider_slug
        if enabled is not UNSET:
            field_dict["enabled"] = enabled
        if execution_policy is not UNSET:
            field_dict["executionPolicy"] = execution_policy
        if capability_matrix is not UNSET:
            field_dict["capabilityMatrix"] = capability_matrix
        if machine_registrations is not UNSET:
            field_dict["machineRegistrations"] = machine_registrations

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.adapter_execution_policy_v1 import AdapterExecutionPolicyV1  # noqa: PLC0415
        from ..models.adapter_machine_entry_v1 import AdapterMachineEntryV1  # noqa: PLC0415
        from ..models.capability_claim_v1 import CapabilityClaimV1  # noqa: PLC0415

        d = dict(src_dict)
        provider_slug = d.pop("providerSlug", UNSET)

        enabled = d.pop("enabled", UNSET)

        _execution_policy = d.pop("executionPolicy", UNSET)
        execution_policy: AdapterExecutionPolicyV1 | Unset
        if isinstance(_execution_policy, Unset):
            execution_policy = UNSET
        else:
            execution_policy = AdapterExecutionPolicyV1.from_dict(_execution_policy)

        _capability_matrix = d.pop("capabilityMatrix", UNSET)
        capability_matrix: list[CapabilityClaimV1] | Unset = UNSET
        if _capability_matrix is not UNSET:
            capability_matrix = []
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

        update_adapter_registration_request = cls(
            provider_slug=provider_slug,
            enabled=enabled,
            execution_policy=execution_policy,
            capability_matrix=capability_matrix,
            machine_registrations=machine_registrations,
        )

        return update_adapter_registration_request
