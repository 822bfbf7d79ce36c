"""Evidence, its proofs, and what takes it in, as the protocol shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, RootModel

from runyard.services.runs.models.base import Answer, Ask, Free, Id, Iso, Listing, Maybe, Text, Version
from runyard.services.runs.models.shapes import Part, PortFamily

HashSha256: TypeAlias = Annotated[str, Field(pattern="^[a-f0-9]{64}$")]
Address: TypeAlias = Annotated[str, Field(max_length=2000, json_schema_extra={"format": "uri"})]
Reference: TypeAlias = Annotated[str, Field(max_length=2000, json_schema_extra={"format": "uri-reference"})]
"""An address, or a path of this yard."""


class EvidenceCategory(StrEnum):
    """What kind of thing was done."""

    PLAN = "Plan"
    ACTION = "Action"
    APPROVAL = "Approval"
    POLICY = "Policy"
    SYSTEM = "System"


class EvidenceUser(Answer):
    """A person or a service account did it."""

    kind: Literal["User"]
    user_id: Id


class EvidenceMachine(Answer):
    """A registered machine did it."""

    kind: Literal["Machine"]
    machine_id: Id


class EvidenceAdapter(Answer):
    """An adapter to a system outside did it."""

    kind: Literal["Adapter"]
    adapter_id: Id


class EvidenceSystem(Answer):
    """The control plane itself did it."""

    kind: Literal["System"]


class EvidenceActor(
    RootModel[Annotated[EvidenceUser | EvidenceMachine | EvidenceAdapter | EvidenceSystem, Field(discriminator="kind")]]
):
    """Who did it."""

    model_config = ConfigDict(frozen=True)


class ExternalObjectRef(Part):
    """An object of a system outside."""

    sor_name: Id
    port_family: PortFamily
    external_id: Id
    external_type: Id
    display_label: Maybe[str] = None
    deep_link_url: Maybe[Address] = None


class EvidenceLinks(Answer):
    """What an entry is about."""

    run_id: Maybe[Id] = None
    plan_id: Maybe[Id] = None
    work_item_id: Maybe[Id] = None
    approval_id: Maybe[Id] = None
    external_refs: Maybe[list[ExternalObjectRef]] = None


class EvidencePayloadRef(Part):
    """Something larger that an entry speaks of."""

    kind: Literal["Artifact", "Snapshot", "Diff", "Log"]
    uri: Reference
    content_type: Maybe[str] = None
    sha256: Maybe[HashSha256] = None


class EvidenceEntryV1(Answer):
    """An entry. Its hash is over the canonical form (RFC 8785) of everything else in it."""

    schema_version: Version
    evidence_id: Id
    workspace_id: Id
    correlation_id: Id
    occurred_at_iso: Iso
    category: EvidenceCategory
    summary: Annotated[str, Field(min_length=1)]
    actor: EvidenceActor
    links: Maybe[EvidenceLinks] = None
    payload_refs: Maybe[list[EvidencePayloadRef]] = None
    previous_hash: Maybe[HashSha256] = None
    hash_sha256: HashSha256


class EvidenceEntryListResponse(Listing):
    """A page of entries, oldest first."""

    items: list[EvidenceEntryV1]


class EvidenceCheckpoint(Answer):
    """What the evidence was at some size, signed.

    ``note`` is a C2SP tlog-checkpoint, ``verifier_key`` what it is verified with.
    """

    tree_size: Annotated[int, Field(ge=1)]
    root_hash: HashSha256
    note: str
    verifier_key: str


class EvidenceInclusionProof(Answer):
    """That an entry is in a checkpoint's tree (RFC 9162); the leaf is the entry's hash."""

    evidence_id: Id
    leaf_index: Annotated[int, Field(ge=0)]
    hashes: list[HashSha256]
    checkpoint: EvidenceCheckpoint


class EvidenceConsistencyProof(Answer):
    """That a checkpoint's tree begins with the first ``from_size`` entries (RFC 9162)."""

    from_size: Annotated[int, Field(ge=0)]
    hashes: list[HashSha256]
    checkpoint: EvidenceCheckpoint


class EvidenceFinding(Answer):
    """Something that is wrong with the evidence."""

    reason: str
    detail: str
    index: Maybe[int] = None


class EvidenceVerification(Answer):
    """What a walk over all entries has found, up to the newest checkpoint."""

    verified: bool
    tree_size: int
    root_hash: HashSha256
    checkpoints: int
    findings: list[EvidenceFinding]


class ReportedCategory(StrEnum):
    """What tools may report. ``ToolExecution`` is an action."""

    ACTION = "Action"
    TOOL_EXECUTION = "ToolExecution"


class ReportEvidenceRequest(Ask):
    """What a tool has done, reported by whoever ran it. The payload isn't kept, its digest is."""

    category: ReportedCategory
    summary: Maybe[Annotated[Text, Field(max_length=1000)]] = None
    actor: Maybe[Annotated[str, Field(min_length=1, max_length=200)] | Free] = None
    run_id: Maybe[Id] = None
    plan_id: Maybe[Id] = None
    work_item_id: Maybe[Id] = None
    correlation_id: Maybe[Id] = None
    payload: Maybe[Free] = None
    payload_refs: Maybe[Annotated[list[EvidencePayloadRef], Field(max_length=50)]] = None
