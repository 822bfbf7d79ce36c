"""Adapters to systems outside, and what they were granted, as the protocol shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Listing, Maybe, Version
from runyard.services.runs.models.shapes import Changes, Endpoint, Https, Name, Part, PortFamily


class AdapterExecutionPolicyV1(Part):
    """How an adapter is kept apart."""

    tenant_isolation_mode: Literal["PerTenantWorker"]
    egress_allowlist: Annotated[tuple[Https, ...], Field(min_length=1, max_length=200)]
    credential_scope: Literal["capabilityMatrix"]
    sandbox_verified: Literal[True]
    sandbox_available: bool


class CapabilityClaimV1(Part):
    """One operation that an adapter serves."""

    operation: Name
    requires_auth: bool
    capability: Maybe[Annotated[str, Field(pattern="^[a-z][a-z0-9-]*:[a-z][a-z0-9_]*$", max_length=200)]] = None
    input_kind: Maybe[Name] = None
    output_kind: Maybe[Name] = None


class AdapterMachineEntryV1(Part):
    """A machine that an adapter's work may go to."""

    machine_id: Id
    endpoint_url: Endpoint
    active: bool
    display_name: Maybe[Name] = None
    auth_hint: Maybe[Name] = None


Capabilities = Annotated[tuple[CapabilityClaimV1, ...], Field(min_length=1, max_length=200)]
Machines = Annotated[tuple[AdapterMachineEntryV1, ...], Field(max_length=200)]


class AdapterRegistrationV1(Answer):
    """An adapter."""

    schema_version: Version = 1
    adapter_id: Id
    workspace_id: Id
    provider_slug: Name
    port_family: PortFamily
    enabled: bool
    execution_policy: AdapterExecutionPolicyV1
    capability_matrix: Capabilities
    machine_registrations: Maybe[Machines] = None


class AdapterRegistrationListResponse(Listing):
    """A page of adapters."""

    items: list[AdapterRegistrationV1]


class CreateAdapterRegistrationRequest(Ask):
    """A new adapter."""

    provider_slug: Name
    port_family: PortFamily
    enabled: bool = True
    execution_policy: AdapterExecutionPolicyV1
    capability_matrix: Capabilities
    machine_registrations: Maybe[Machines] = None


class UpdateAdapterRegistrationRequest(Changes):
    """Changes to an adapter, at least one."""

    provider_slug: Maybe[Name] = None
    enabled: Maybe[bool] = None
    execution_policy: Maybe[AdapterExecutionPolicyV1] = None
    capability_matrix: Maybe[Capabilities] = None
    machine_registrations: Maybe[Machines] = None


class CredentialGrantV1(Answer):
    """What an adapter may use, by reference: the credential itself stays where it is."""

    schema_version: Version = 1
    credential_grant_id: Id
    workspace_id: Id
    adapter_id: Id
    credentials_ref: Name
    scope: Name
    issued_at_iso: Iso
    expires_at_iso: Maybe[Iso] = None
    last_rotated_at_iso: Maybe[Iso] = None
    revoked_at_iso: Maybe[Iso] = None


class CredentialGrantListResponse(Listing):
    """A page of grants."""

    items: list[CredentialGrantV1]


class CreateCredentialGrantRequest(Ask):
    """A new grant."""

    adapter_id: Id
    credentials_ref: Name
    scope: Name
    expires_at_iso: Maybe[Iso] = None


class UpdateCredentialGrantRequest(Changes):
    """Changes to a grant, at least one."""

    scope: Maybe[Name] = None
    expires_at_iso: Maybe[Iso] = None
