"""Checking a chain of evidence, entry by entry, as any verifier of this protocol does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from runyard.services.runs.evidence.canonical import canonical

Reason: TypeAlias = Literal[
    "timestamp_not_monotonic", "unexpected_previous_hash", "previous_hash_mismatch", "hash_mismatch",
    "signature_invalid",
]  # fmt: skip

_MEMBER: Final = b'"hashSha256":"'

Verifier: TypeAlias = Callable[[bytes, str], bool]
"""Whether a signature, in base64, is good for some bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What is wrong with an entry.

    Attributes:
        index: which entry, from 0.
    """

    index: int
    reason: Reason
    expected: str | None
    actual: str | None


class Chain:
    """Entries seen so far, in order. After an entry that is wrong, it goes on with what that one says of itself.

    Args:
        verifier: checks signatures of entries; those without one pass.
    """

    def __init__(self, verifier: Verifier | None = None) -> None:
        self._verifier = verifier
        self._hash: str | None = None
        self._at = ""
        self.size = 0

    def add(self, entry: Mapping[str, object], form: bytes | None = None) -> Broken | None:
        """Take the next entry, as plain JSON. It is never changed into anything else before it is hashed.

        Args:
            form: its canonical form, if that is at hand.
        """
        index, self.size = self.size, self.size + 1
        at, previous, digest = entry.get("occurredAtIso"), entry.get("previousHash"), entry.get("hashSha256")
        was_at, self._at = self._at, str(at)
        expected, self._hash = self._hash, str(digest)
        if not isinstance(at, str) or at < was_at:
            return Broken(index=index, reason="timestamp_not_monotonic", expected=was_at, actual=_text(at))
        if previous != expected:
            reason: Reason = "unexpected_previous_hash" if index == 0 else "previous_hash_mismatch"
            return Broken(index=index, reason=reason, expected=expected, actual=_text(previous))
        if (found := hash_of(entry, form)) != digest:
            return Broken(index=index, reason="hash_mismatch", expected=found, actual=_text(digest))
        return self._signature(index, entry)

    def _signature(self, index: int, entry: Mapping[str, object]) -> Broken | None:
        signature = entry.get("signatureBase64")
        if signature is None or self._verifier is None:
            return None
        signed = canonical({name: value for name, value in entry.items() if name != "signatureBase64"})
        if isinstance(signature, str) and self._verifier(signed, signature):
            return None
        return Broken(index=index, reason="signature_invalid", expected=None, actual=_text(signature))


def check(entries: Iterable[Mapping[str, object]], verifier: Verifier | None = None) -> Broken | None:
    """The first entry of a whole chain that is wrong; None if none is."""
    chain = Chain(verifier)
    return next((broken for entry in entries if (broken := chain.add(entry)) is not None), None)


def hash_of(entry: Mapping[str, object], form: bytes | None = None) -> str:
    """The hash of an entry: over all but itself and a signature.

    Args:
        form: the entry's canonical form, if that is at hand.

    Raises:
        NotCanonical: the entry can't have one.
    """
    if form is not None and "signatureBase64" not in entry and form.count(_MEMBER) == 1:
        # There is one such text in the form, so it is the entry's own member, and the rest is the rest's form.
        member = _MEMBER + str(entry.get("hashSha256")).encode() + b'",'
        bare = form.replace(member, b"")
        if len(bare) < len(form):
            return hashlib.sha256(bare).hexdigest()
    rest = {name: value for name, value in entry.items() if name not in {"hashSha256", "signatureBase64"}}
    return hashlib.sha256(canonical(rest)).hexdigest()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
