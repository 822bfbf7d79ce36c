"""One entry of a workspace's evidence, as it is hashed, kept and shown."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

Category: TypeAlias = Literal["Plan", "Action", "Approval", "Policy", "System"]

_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")  # never reads a character twice
_MASKED: Final = "(an e-mail address)"
_encoder: Final = msgspec.json.Encoder(order="sorted")


class PrivateEvidence(ValueError):
    """Evidence is kept for ever, so it must not name persons or carry secrets; the text says what it would."""


class User(msgspec.Struct, frozen=True, rename="camel", tag="User", tag_field="kind"):
    """A person or a service account."""

    user_id: str


class Machine(msgspec.Struct, frozen=True, rename="camel", tag="Machine", tag_field="kind"):
    """A registered machine."""

    machine_id: str


class Adapter(msgspec.Struct, frozen=True, rename="camel", tag="Adapter", tag_field="kind"):
    """An adapter to a system outside."""

    adapter_id: str


class System(msgspec.Struct, frozen=True, tag="System", tag_field="kind"):
    """The yard itself."""


Actor: TypeAlias = User | Machine | Adapter | System

SYSTEM: Final = System()


class ExternalRef(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An object of a system outside."""

    sor_name: str
    port_family: str
    external_id: str
    external_type: str
    display_label: str | UnsetType = UNSET
    deep_link_url: str | UnsetType = UNSET


class PayloadRef(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Something larger that the entry speaks of, by its digest."""

    kind: Literal["Artifact", "Snapshot", "Diff", "Log"]
    uri: str
    content_type: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET


class Links(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What an entry is about."""

    run_id: str | UnsetType = UNSET
    plan_id: str | UnsetType = UNSET
    work_item_id: str | UnsetType = UNSET
    approval_id: str | UnsetType = UNSET
    external_refs: tuple[ExternalRef, ...] | UnsetType = UNSET


class EvidenceEntry(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An entry. Its strings and its one small number make the fast encoder's output canonical by RFC 8785.

    Attributes:
        hash_sha256: of the canonical form of everything else.
        previous_hash: that of the workspace's entry before this one; none in the first.
    """

    schema_version: Literal[1] = 1
    evidence_id: str
    workspace_id: str
    correlation_id: str
    occurred_at_iso: str
    category: Category
    summary: str
    actor: Actor
    links: Links | UnsetType = UNSET
    payload_refs: tuple[PayloadRef, ...] | UnsetType = UNSET
    previous_hash: str | UnsetType = UNSET
    hash_sha256: str | UnsetType = msgspec.field(name="hashSha256", default=UNSET)

    def hashed(self) -> EvidenceEntry:
        """The entry with its hash."""
        bare = msgspec.structs.replace(self, hash_sha256=UNSET)
        return msgspec.structs.replace(bare, hash_sha256=hashlib.sha256(bare.encoded()).hexdigest())

    def encoded(self) -> bytes:
        """The canonical form."""
        return _encoder.encode(self)


def iso(at: datetime) -> str:
    """A time as evidence has it: UTC, to the millisecond."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def masked(summary: str) -> str:
    """A summary without the e-mail addresses that people have put into the names of things."""
    return _EMAIL.sub(_MASKED, summary)


def check_private(
    *, summary: str = "", external: tuple[ExternalRef, ...] = (), payloads: tuple[PayloadRef, ...] = ()
) -> None:
    """Return if nothing of this names a person or carries a secret.

    Raises:
        PrivateEvidence: it does.
    """
    for text in (summary, *(one.external_id for one in external)):
        if _EMAIL.search(text):
            raise PrivateEvidence(f"{text!r:.100} holds an e-mail address. Evidence names people by their ids.")
    for payload in payloads:
        if "?" in payload.uri or "#" in payload.uri:
            raise PrivateEvidence(
                f"{payload.uri!r:.100} has a query or a fragment, where secrets may be. Leave it out."
            )
