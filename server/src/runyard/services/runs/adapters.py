"""Adapters: which machine does the work for a family of systems outside, and with which credentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs import grants
from runyard.services.runs.machines import invocations, store
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.adapters import (
    AdapterExecutionPolicyV1,
    AdapterMachineEntryV1,
    AdapterRegistrationV1,
    CapabilityClaimV1,
    CreateAdapterRegistrationRequest,
    UpdateAdapterRegistrationRequest,
)
from runyard.services.runs.models.machines import CredentialReference, MachineStatus
from runyard.services.runs.models.shapes import PortFamily
from runyard.services.runs.refused import Refused, conflict, not_found

COLUMNS: Final = "workspace, id, provider, family, enabled, policy, capabilities, machines, created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter. ``machines`` are those its work may go to."""

    workspace: str
    id: str
    provider: str
    family: PortFamily
    enabled: bool
    policy: AdapterExecutionPolicyV1
    capabilities: tuple[CapabilityClaimV1, ...]
    machines: tuple[AdapterMachineEntryV1, ...] | None
    created_at: datetime

    def claim(self, operation: str) -> CapabilityClaimV1 | None:
        """What the adapter says of an operation; None if it doesn't serve it."""
        return next((one for one in self.capabilities if operation in {one.operation, one.capability}), None)

    def shown(self) -> AdapterRegistrationV1:
        """The adapter as the protocol shows it."""
        return AdapterRegistrationV1(
            adapter_id=self.id,
            workspace_id=self.workspace,
            provider_slug=self.provider,
            port_family=self.family,
            enabled=self.enabled,
            execution_policy=self.policy,
            capability_matrix=self.capabilities,
            machine_registrations=self.machines,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an adapter's operation goes, and with which credentials."""

    machine: Machine
    credentials: tuple[CredentialReference, ...]


async def serving(where: Connection | Database, workspace: str, families: Collection[str]) -> Mapping[str, Adapter]:
    """The adapter of each family that has exactly one enabled adapter."""
    rows = await where.fetch(
        f"SELECT {COLUMNS} FROM runs_adapters WHERE workspace = $1 AND family = ANY ($2) AND enabled",
        workspace, sorted(families),
    )  # fmt: skip
    count = Counter(row["family"] for row in rows)
    return {row["family"]: _adapter(row) for row in rows if count[row["family"]] == 1}


async def route(connection: Connection, adapter: Adapter, operation: str, *, now: datetime) -> Route:
    """The machine that is to do this now: of those that may, one that is online and has the least to do.

    Raises:
        Refused: the adapter doesn't serve the operation, none of its machines may do it, or a credential is missing.
    """
    claim = adapter.claim(operation)
    if claim is None:
        served = ", ".join(one.operation for one in adapter.capabilities)
        raise conflict(f"Adapter {adapter.id!r} does not serve {operation!r}. It serves: {served[:500]}.")
    credentials = await grants.valid(connection, adapter.workspace, adapter.id, now=now)
    if claim.requires_auth and not credentials:
        raise conflict(f"{operation!r} needs a credential, and adapter {adapter.id!r} has no valid grant.")
    fitting, refusals = [], []
    for entry in adapter.machines or ():
        if not entry.active:
            continue
        try:
            machine = await store.find(connection, adapter.workspace, entry.machine_id)
            invocations.check(machine, operation)
        except Refused as refused:
            refusals.append(refused.detail)
        else:
            fitting.append(machine)
    if not fitting:
        why = " ".join(refusals) or "It names none that is active."
        raise conflict(f"No machine of adapter {adapter.id!r} can do {operation!r}. {why}")
    return Route(
        machine=min(fitting, key=lambda one: (_PREFERENCE[one.status(now)], one.running / one.slots, one.id)),
        credentials=credentials if claim.requires_auth else (),
    )


async def find(where: Connection | Database, workspace: str, adapter: str) -> Adapter:
    """The adapter of this id.

    Raises:
        Refused: there is none.
    """
    row = await where.fetchrow(
        f"SELECT {COLUMNS} FROM runs_adapters WHERE workspace = $1 AND id = $2", workspace, storable(adapter)
    )
    if row is None:
        raise not_found("Adapter", adapter)
    return _adapter(row)


async def page(database: Database, workspace: str, *, after: tuple[datetime, str], rows: int) -> list[Adapter]:
    """Up to ``rows`` adapters, in the order of their making."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_adapters WHERE workspace = $1 AND (created_at, id) > ($2, $3)
        ORDER BY created_at, id LIMIT $4
        """,
        workspace, *after, rows,
    )  # fmt: skip
    return [_adapter(row) for row in found]


async def add(
    connection: Connection, workspace: str, asked: CreateAdapterRegistrationRequest, *, at: datetime
) -> Adapter:
    """Register an adapter.

    Raises:
        Refused: one of its machines isn't registered.
    """
    await _check_machines(connection, workspace, asked.machine_registrations)
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs_adapters ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {COLUMNS}
        """,
        workspace, f"adapter-{uuid4()}", asked.provider_slug, asked.port_family, asked.enabled,
        asked.execution_policy.model_dump(), _dumped(asked.capability_matrix), _dumped(asked.machine_registrations), at,
    )  # fmt: skip
    assert row is not None
    return _adapter(row)


async def change(connection: Connection, adapter: Adapter, asked: UpdateAdapterRegistrationRequest) -> Adapter:
    """Change what is named.

    Raises:
        Refused: one of its machines isn't registered.
    """
    await _check_machines(connection, adapter.workspace, asked.machine_registrations)
    row = await connection.fetchrow(
        f"""
        UPDATE runs_adapters SET provider = coalesce($3, provider), enabled = coalesce($4, enabled),
            policy = coalesce($5, policy), capabilities = coalesce($6, capabilities), machines = coalesce($7, machines)
        WHERE workspace = $1 AND id = $2 RETURNING {COLUMNS}
        """,
        adapter.workspace, adapter.id, asked.provider_slug, asked.enabled,
        None if asked.execution_policy is None else asked.execution_policy.model_dump(),
        _dumped(asked.capability_matrix), _dumped(asked.machine_registrations),
    )  # fmt: skip
    assert row is not None
    return _adapter(row)


async def _check_machines(
    connection: Connection, workspace: str, entries: tuple[AdapterMachineEntryV1, ...] | None
) -> None:
    for entry in entries or ():
        await store.find(connection, workspace, entry.machine_id)


def _dumped(parts: tuple[CapabilityClaimV1, ...] | tuple[AdapterMachineEntryV1, ...] | None) -> object:
    return None if parts is None else [one.model_dump(exclude_none=True) for one in parts]


def _adapter(row: Mapping[str, object]) -> Adapter:
    known = dict(row)
    machines = known["machines"]
    policy: object = known["policy"]
    return Adapter(
        **known  # type: ignore[arg-type]
        | {
            "family": PortFamily(str(known["family"])),
            "policy": AdapterExecutionPolicyV1.model_validate(policy, strict=False),
            "capabilities": tuple(map(CapabilityClaimV1.model_validate, known["capabilities"])),  # type: ignore[call-overload]
            "machines": None if machines is None else tuple(map(AdapterMachineEntryV1.model_validate, machines)),  # type: ignore[call-overload]
        }
    )


_PREFERENCE: Final = {MachineStatus.ONLINE: 0, MachineStatus.DEGRADED: 1, MachineStatus.OFFLINE: 2}
