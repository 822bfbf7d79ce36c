"""An invocation: one thing that one machine is asked to do, once.

It is handed out until the machine says that it has begun, and never again after that: what a machine has begun and not
ended in time is lost, and whoever asked decides whether to ask anew.

::

    accepted ──► running ──► completed
        └───────────┴──────► failed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from runyard.services.runs.models.base import iso
from runyard.services.runs.models.machines import (
    CredentialReference,
    Delivery,
    InvocationError,
    InvocationStatus,
    MachineInvocationV1,
)

LEASE: Final = timedelta(seconds=60)
"""How long what a machine holds is its own without a further word."""

PING: Final = "machine:ping"
"""The operation of a connection test: every machine answers it by itself."""

TRANSITIONS: Final[Mapping[InvocationStatus, frozenset[InvocationStatus]]] = MappingProxyType(
    {
        InvocationStatus.ACCEPTED: frozenset(
            {InvocationStatus.RUNNING, InvocationStatus.COMPLETED, InvocationStatus.FAILED}
        ),
        InvocationStatus.RUNNING: frozenset({InvocationStatus.COMPLETED, InvocationStatus.FAILED}),
        InvocationStatus.COMPLETED: frozenset(),
        InvocationStatus.FAILED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What a machine was asked to do, and what has become of it.

    Attributes:
        delivery: how often it was handed out.
        due_at: by when it has to have ended.
        held_until: until when the machine that it was handed to may take to say more.
    """

    workspace: str
    id: str
    machine_id: str
    operation: str
    input: Mapping[str, object]
    credentials: Sequence[CredentialReference]
    run_id: str | None
    plan_id: str | None
    action_id: str | None
    asked_by: str
    correlation_id: str
    status: InvocationStatus
    delivery: int
    created_at: datetime
    due_at: datetime
    held_until: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    output: Mapping[str, object] | None
    error: InvocationError | None
    last_seq: int

    @property
    def ends_by(self) -> datetime | None:
        """When it ends if nothing more is heard of it; None once it has ended."""
        if self.status.ended:
            return None
        if self.status is InvocationStatus.RUNNING and self.held_until is not None:
            return min(self.due_at, self.held_until)
        return self.due_at

    def lapsed(self, now: datetime) -> InvocationError | None:
        """Why it has to end now, if nothing was heard of it in time."""
        if self.ends_by is None or now < self.ends_by:
            return None
        if now >= self.due_at:
            begun = "did not end" if self.status is InvocationStatus.RUNNING else "was not begun"
            return InvocationError(code="timed-out", message=f"It {begun} until {iso(self.due_at)}.")
        assert self.held_until is not None
        silent = f"Machine {self.machine_id!r} has said nothing of it since {iso(self.held_until - LEASE)}."
        return InvocationError(code="machine-lost", message=silent)

    def shown(self) -> MachineInvocationV1:
        """The invocation as the protocol shows it."""
        return MachineInvocationV1(
            invocation_id=self.id,
            status=self.status,
            status_url=f"/v1/workspaces/{self.workspace}/machines/{self.machine_id}/invocations/{self.id}",
            machine_id=self.machine_id,
            workspace_id=self.workspace,
            action=self.operation,
            input=dict(self.input),
            run_id=self.run_id,
            plan_id=self.plan_id,
            action_id=self.action_id,
            created_at_iso=self.created_at,
            due_at_iso=self.due_at,
            started_at_iso=self.started_at,
            ended_at_iso=self.ended_at,
            output=None if self.output is None else dict(self.output),
            error=self.error,
        )

    def handed(self) -> Delivery:
        """The invocation as its machine gets it."""
        return Delivery(
            invocation_id=self.id,
            delivery=self.delivery,
            action=self.operation,
            input=dict(self.input),
            run_id=self.run_id,
            action_id=self.action_id,
            due_at_iso=self.due_at,
            credentials=tuple(self.credentials) or None,
        )
