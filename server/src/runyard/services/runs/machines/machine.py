"""A machine: a program elsewhere that fetches work, does it and reports. The yard never connects to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from runyard.services.runs.evidence.entry import Actor
from runyard.services.runs.evidence.entry import Machine as MachineActor
from runyard.services.runs.models.machines import AgentCapability, MachineStatus, MachineV1, Standing

HEARTBEAT: Final = timedelta(seconds=20)
"""How often a machine is asked to say that it lives."""

MISSED: Final = 3
"""Heartbeats that may be missing before it counts as gone."""

OPERATIONS: Final[Mapping[AgentCapability, str]] = MappingProxyType(
    {
        AgentCapability.READ_EXTERNAL: "read:external",
        AgentCapability.WRITE_EXTERNAL: "write:external",
        AgentCapability.CLASSIFY: "agent:classify",
        AgentCapability.GENERATE: "agent:generate",
        AgentCapability.ANALYZE: "agent:analyze",
        AgentCapability.EXECUTE_CODE: "code:execute",
        AgentCapability.NOTIFY: "notification:send",
    }
)
"""The protocol's short names of capabilities as operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A registered machine.

    Attributes:
        operations: what it may be asked to do besides its capabilities; None until somebody has said so.
        declared: what it last said it can do; None before it has enrolled.
        slots: how much it does at once.
        reason: why it is in quarantine.
        heard: what it last said of itself.
        running: how many invocations it is at work on.
    """

    workspace: str
    id: str
    hostname: str
    os_image: str | None
    capabilities: tuple[AgentCapability, ...] | None
    operations: tuple[str, ...] | None
    declared: tuple[str, ...] | None
    slots: int
    standing: Standing
    reason: str | None
    created_at: datetime
    enrolled_at: datetime | None
    client_id: str | None
    heard_at: datetime | None
    heard_ok: bool
    heard: Mapping[str, object]
    running: int = 0

    def status(self, now: datetime) -> MachineStatus:
        """How it is, by what was heard of it."""
        return status_of(self.heard_at, ok=self.heard_ok, now=now)

    @property
    def allowed(self) -> frozenset[str]:
        """All it may be asked to do."""
        return frozenset((*(self.operations or ()), *(OPERATIONS[one] for one in self.capabilities or ())))

    @property
    def actor(self) -> Actor:
        """Who evidence says it was."""
        return MachineActor(machine_id=self.id)

    def shown(self, now: datetime) -> MachineV1:
        """The machine as the protocol shows it."""
        message = self.heard.get("statusMessage")
        return MachineV1(
            machine_id=self.id,
            workspace_id=self.workspace,
            hostname=self.hostname,
            os_image=self.os_image,
            registered_at_iso=self.created_at,
            last_heartbeat_at_iso=self.heard_at,
            status=self.status(now),
            active_run_count=self.running,
            allowed_capabilities=self.capabilities,
            id=self.id,
            standing=self.standing,
            quarantine_reason=self.reason,
            operations=self.operations,
            slots=self.slots,
            enrolled_at_iso=self.enrolled_at,
            status_message=message if isinstance(message, str) else None,
        )


def status_of(heard_at: datetime | None, *, ok: bool, now: datetime) -> MachineStatus:
    """How something is that was last heard of then, and was well, or wasn't."""
    if heard_at is None or now - heard_at > MISSED * HEARTBEAT:
        return MachineStatus.OFFLINE
    return MachineStatus.ONLINE if ok else MachineStatus.DEGRADED
