from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="AdapterExecutionPolicyV1")


@_attrs_define
class AdapterExecutionPolicyV1:
    """How an adapter is kept apart.

    Attributes:
        tenant_isolation_mode (Literal['PerTenantWorker']):
        egress_allowlist (list[str]):
        credential_scope (Literal['capabilityMatrix']):
        sandbox_verified (bool):
        sandbox_available (bool):
    """

    tenant_isolation_mode: Literal["PerTenantWorker"]
    egress_allowlist: list[str]
    credential_scope: Literal["capabilityMatrix"]
    sandbox_verified: bool
    sandbox_available: bool

    def to_dict(self) -> dict[str, Any]:
        tenant_isolation_mode = self.tenant_isolation_mode

        egress_allowlist = self.egress_allowlist

        credential_scope = self.credential_scope

        sandbox_verified = self.sandbox_verified

        sandbox_available = self.sandbox_available

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "tenantIsolationMode": tenant_isolation_mode,
                "egressAllowlist": egress_allowlist,
                "credentialScope": credential_scope,
                "sandboxVerified": sandbox_verified,
                "sandboxAvailable": sandbox_available,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        tenant_isolation_mode = cast(Literal["PerTenantWorker"], d.pop("tenantIsolationMode"))
        if tenant_isolation_mode != "PerTenantWorker":
            raise ValueError(f"tenantIsolationMode must match const 'PerTenantWorker', got '{tenant_isolation_mode}'")

        egress_allowlist = cast(list[str], d.pop("egressAllowlist"))

        credential_scope = cast(Literal["capabilityMatrix"], d.pop("credentialScope"))
        if credential_scope != "capabilityMatrix":
            raise ValueError(f"credentialScope must match const 'capabilityMatrix', got '{credential_scope}'")

        sandbox_verified = d.pop("sandboxVerified")

        sandbox_available = d.pop("sandboxAvailable")

        adapter_execution_policy_v1 = cls(
            tenant_isolation_mode=tenant_isolation_mode,
            egress_allowlist=egress_allowlist,
            credential_scope=credential_scope,
            sandbox_verified=sandbox_verified,
            sandbox_available=sandbox_available,
        )

        return adapter_execution_policy_v1
