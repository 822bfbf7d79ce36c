"""Machines, what they say of themselves, and what they are asked to do, as the protocol shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from runyard.services.runs.models.base import NOT_BLANK, WHOLE, Answer, Ask, Free, Id, Iso, Listing, Maybe, Version
from runyard.services.runs.models.shapes import Changes, Name, Operation, Part


class AgentCapability(StrEnum):
    """What a machine or an agent may be trusted with, in the protocol's short list."""

    READ_EXTERNAL = "read:external"
    WRITE_EXTERNAL = "write:external"
    CLASSIFY = "classify"
    GENERATE = "generate"
    ANALYZE = "analyze"
    EXECUTE_CODE = "execute-code"
    NOTIFY = "notify"


class MachineStatus(StrEnum):
    """How a machine is, by its heartbeats."""

    ONLINE = "Online"
    DEGRADED = "Degraded"
    OFFLINE = "Offline"


class Standing(StrEnum):
    """What people have said of a machine: it works, it is to finish and take nothing new, it isn't trusted."""

    ACTIVE = "active"
    DRAINING = "draining"
    QUARANTINED = "quarantined"


class InvocationStatus(StrEnum):
    """Where an invocation is: waits for its machine, is being done, or has ended."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self in {InvocationStatus.COMPLETED, InvocationStatus.FAILED}


Allowed = Annotated[tuple[AgentCapability, ...], Field(max_length=20)]
Operations = Annotated[tuple[Operation, ...], Field(max_length=500)]
Slots = Annotated[int, Field(ge=1, le=1000), WHOLE]


class MachineV1(Answer):
    """A machine. Fields from ``id`` on are additions of this yard."""

    schema_version: Version = 1
    machine_id: Id
    workspace_id: Id
    hostname: Name
    os_image: Maybe[Name] = None
    registered_at_iso: Iso
    last_heartbeat_at_iso: Maybe[Iso] = None
    status: MachineStatus
    active_run_count: Annotated[int, Field(ge=0)]
    allowed_capabilities: Maybe[Allowed] = None
    id: Id
    standing: Standing
    quarantine_reason: Maybe[str] = None
    operations: Maybe[Operations] = None
    slots: Slots
    enrolled_at_iso: Maybe[Iso] = None
    status_message: Maybe[str] = None


class MachineListResponse(Listing):
    """A page of machines."""

    items: list[MachineV1]


class RegisterMachineRequest(Ask):
    """A new machine.

    Attributes:
        operations: all it may ever be asked to do; without, what it declares when it enrols.
        slots: how much it does at once.
    """

    hostname: Name
    os_image: Maybe[Name] = None
    allowed_capabilities: Maybe[Allowed] = None
    workspace_id: Maybe[Id] = None
    operations: Maybe[Operations] = None
    slots: Slots = 1


class UpdateMachineRequest(Changes):
    """Changes to a machine."""

    hostname: Maybe[Name] = None
    os_image: Maybe[Name] = None
    allowed_capabilities: Maybe[Allowed] = None
    operations: Maybe[Operations] = None
    slots: Maybe[Slots] = None


class QuarantineRequest(Ask):
    """Why something isn't trusted any more."""

    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=NOT_BLANK)]


class ConnectionTestStatus(StrEnum):
    """How an attempt to reach something went."""

    OK = "ok"
    SLOW = "slow"
    UNREACHABLE = "unreachable"


class ConnectionTestResult(Answer):
    """Whether something can be reached."""

    status: ConnectionTestStatus
    latency_ms: Annotated[int, Field(ge=0)]
    error_message: Maybe[str] = None


# -------------------------------------------------------------------- enrolment


class EnrolmentToken(Answer):
    """Lets a machine enrol, once. It is shown once."""

    machine_id: Id
    token: Maybe[str] = None
    expires_at_iso: Iso


class EnrolRequest(Ask):
    """What a machine brings when it enrols.

    Attributes:
        operations: all it can do.
    """

    token: Annotated[str, Field(min_length=1, max_length=500)]
    operations: Operations
    os_image: Maybe[Name] = None


class EnrolledMachine(Answer):
    """A service account for a machine that has just enrolled; the secret is shown once."""

    machine_id: Id
    workspace_id: Id
    client_id: Id
    client_secret: str


# -------------------------------------------------------------------- heartbeats


class Location(Part):
    """Where something is, in degrees."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


Finite = Annotated[float, Field(allow_inf_nan=False)]
Metrics = Annotated[dict[Annotated[str, Field(min_length=1, max_length=200)], Finite], Field(max_length=100)]


class HeartbeatRequest(Ask):
    """A sign of life."""

    status: Literal["ok", "degraded"] = "ok"
    metrics: Maybe[Metrics] = None
    location: Maybe[Location] = None
    status_message: Maybe[Annotated[str, Field(max_length=1000)]] = None


class MachineHeartbeat(Answer):
    """A sign of life, as it was heard."""

    machine_id: Id
    last_heartbeat_at_iso: Iso
    status: Literal["ok", "degraded"]
    metrics: Maybe[Metrics] = None
    location: Maybe[Location] = None
    status_message: Maybe[str] = None
    next_heartbeat_seconds: int


# -------------------------------------------------------------------- invocations


class InvocationError(Part):
    """Why an invocation failed.

    Attributes:
        code: for programs: ``cancelled``, ``timed-out``, ``machine-lost``, or what the machine says.
    """

    code: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]
    message: Annotated[str, Field(min_length=1, max_length=10_000)]


class CreateMachineInvocationRequest(Ask):
    """Something a machine is to do.

    Attributes:
        action: the operation, ``entity:verb``.
        timeout_seconds: by when it has to have ended, waiting included.
    """

    schema_version: Version = 1
    invocation_id: Maybe[Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,200}$")]] = None
    machine_id: Maybe[Id] = None
    workspace_id: Maybe[Id] = None
    action: Operation
    input: Free = Field(default_factory=dict)
    timeout_seconds: Annotated[float, Field(gt=0, le=30 * 86_400)] = 3600.0


class MachineInvocationV1(Answer):
    """Something a machine was asked to do."""

    schema_version: Version = 1
    invocation_id: Id
    status: InvocationStatus
    status_url: str
    machine_id: Id
    workspace_id: Id
    action: Operation
    input: Free
    run_id: Maybe[Id] = None
    plan_id: Maybe[Id] = None
    action_id: Maybe[Id] = None
    created_at_iso: Iso
    due_at_iso: Iso
    started_at_iso: Maybe[Iso] = None
    ended_at_iso: Maybe[Iso] = None
    output: Maybe[Free] = None
    error: Maybe[InvocationError] = None


class MachineInvocationListResponse(Listing):
    """A page of invocations."""

    items: list[MachineInvocationV1]


class ClaimRequest(Ask):
    """A machine asks for work.

    Attributes:
        holding: what it has in hand; their time is extended, and what isn't there is given out again.
        free: how much more it takes.
        wait_seconds: how long to wait for something to come.
        operations: all it can do now; more than it may is a reason to look at it.
    """

    holding: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    free: Annotated[int, Field(ge=0, le=1000), WHOLE] = 1
    wait_seconds: Annotated[float, Field(ge=0, le=30)] = 20.0
    operations: Maybe[Operations] = None


class CredentialReference(Part):
    """Which credential an invocation may use, and for what. The machine knows how to get it."""

    credentials_ref: str
    scope: str


class Delivery(Answer):
    """An invocation handed to its machine.

    Attributes:
        delivery: how often it was handed out; reports say which they are about.
    """

    invocation_id: Id
    delivery: int
    action: Operation
    input: Free
    run_id: Maybe[Id] = None
    action_id: Maybe[Id] = None
    due_at_iso: Iso
    credentials: Maybe[tuple[CredentialReference, ...]] = None


class ClaimAnswer(Answer):
    """What a machine is to do.

    Attributes:
        stop: of those it holds, the ones that have ended or are no longer its own.
        lease_seconds: how long what it holds is its own without a further word.
    """

    invocations: list[Delivery]
    stop: list[Id]
    standing: Standing
    lease_seconds: int


class ReportRequest(Ask):
    """How an invocation goes on.

    Attributes:
        delivery: which delivery of it.
        log: text it has printed.
        progress: percent.
    """

    delivery: Annotated[int, Field(ge=1), WHOLE]
    status: Maybe[Literal["running", "completed", "failed"]] = None
    output: Maybe[Free] = None
    error: Maybe[InvocationError] = None
    log: Maybe[Annotated[str, Field(min_length=1, max_length=65_536)]] = None
    progress: Maybe[Annotated[float, Field(ge=0, le=100)]] = None
