"""Checkpoints: what a tree of evidence was at some size, signed. The format is C2SP's tlog-checkpoint.

Whoever keeps one can tell later that nothing before it was changed or cut off.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from runyard.identity.errors import SigningKeyUnusable
from runyard.identity.signing import place

FILE: Final = "evidence_private.pem"
ED25519: Final = b"\x01"
"""How signed notes name the algorithm."""

LONGEST: Final = 16 * 1024
"""Characters of a note."""

_NOTE: Final = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<root>[^\n]+)\n(?:[^\n]+\n)*")
_SIGNATURE: Final = re.compile(r"— (?P<name>[^ +\n]+) (?P<signature>[^ \n]+)")


class BadCheckpoint(ValueError):
    """A text is no checkpoint, or no good one; it says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree at some size.

    Attributes:
        origin: which tree: ``<yard>/<workspace>``.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, note: str) -> Self:
        """What a note says, whoever signed it.

        Raises:
            BadCheckpoint: it is none.
        """
        text, divided, _ = note.partition("\n\n")
        found = _NOTE.fullmatch(text + "\n") if divided and len(note) <= LONGEST else None
        if found is None:
            raise BadCheckpoint(f"{note!r:.100} is no checkpoint.")
        return cls(origin=found["origin"], size=int(found["size"]), root=_decoded(found["root"], 32))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key, under the name it signs with. Its text is what people pass on and compare."""

    name: str
    public: bytes

    @property
    def hint(self) -> bytes:
        """Four bytes by which a note says whose signature it carries."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.hint.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text.

        Raises:
            BadCheckpoint: it is none.
        """
        name, _, rest = text.strip().partition("+")
        hint, _, encoded = rest.partition("+")
        try:
            key = _decoded(encoded, 33)
        except BadCheckpoint:
            shape = "One is NAME+HASH+KEY, as `runyard evidence checkpoint` says it"
            raise BadCheckpoint(f"{text!r:.100} is no verifier key. {shape}.") from None
        found = cls(name, key[1:])
        if key[:1] != ED25519 or found.hint.hex() != hint:
            raise BadCheckpoint(f"{text!r:.100} is no verifier key: its parts don't belong together.")
        return found

    def open(self, note: str) -> Checkpoint:
        """The checkpoint of a note that this key has signed.

        Raises:
            BadCheckpoint: it has not.
        """
        checkpoint = Checkpoint.parse(note)
        text, _, signatures = note.partition("\n\n")
        for line in signatures.splitlines():
            found = _SIGNATURE.fullmatch(line)
            if found is None or found["name"] != self.name:
                continue
            signature = _decoded(found["signature"], 68)
            if signature[:4] == self.hint and self.verifies(f"{text}\n".encode(), signature[4:]):
                if checkpoint.origin != self.name:
                    raise BadCheckpoint(f"{self.name} has signed a checkpoint of {checkpoint.origin!r:.100}.")
                return checkpoint
        raise BadCheckpoint(f"The checkpoint of {checkpoint.size} entries has no good signature of {self.name}.")

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


class Notary:
    """Signs checkpoints with the yard's key of evidence. ``repr`` shows the public part's name only."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public = key.public_key().public_bytes_raw()
        self.yard = f"yard-{hashlib.sha256(self._public).hexdigest()[:12]}"
        """Name of the yard in checkpoints, after its key: no two yards have the same."""

    def __repr__(self) -> str:
        return f"Notary({self.yard})"

    @classmethod
    def of(cls, folder: Path) -> Notary:
        """The one whose key is in ``folder``; it is made if there is none. Blocks.

        Raises:
            SigningKeyUnusable: the key can't be read, or is none.
        """
        path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                new = Ed25519PrivateKey.generate()
                place(path, new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
            if path.stat().st_mode & 0o077:
                raise SigningKeyUnusable(path, "may be read by others", way_out=f"Run: chmod 600 {path}")
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise SigningKeyUnusable(
                path, f"can't be used ({error.strerror})", way_out="Give the yard's account access to it."
            ) from error
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            way_out = f"Put back the file that was there, or remove {path}: checkpoints then have another signer."
            raise SigningKeyUnusable(path, "is no Ed25519 private key in PEM", way_out=way_out)
        return cls(key)

    def key(self, workspace: str) -> VerifierKey:
        """What the checkpoints of a workspace are verified with."""
        return VerifierKey(f"{self.yard}/{workspace}", self._public)

    def has_signed(self, workspace: str, note: str) -> bool:
        """Whether a note is of this key. The yard may have had another one before."""
        try:
            self.key(workspace).open(note)
        except BadCheckpoint:
            return False
        return True

    def sign(self, workspace: str, size: int, root: bytes) -> str:
        """A checkpoint as a signed note."""
        key = self.key(workspace)
        text = Checkpoint(origin=key.name, size=size, root=root).text()
        signature = base64.b64encode(key.hint + self._key.sign(text.encode())).decode()
        return f"{text}\n— {key.name} {signature}\n"


def _decoded(text: str, length: int) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != length:
        raise BadCheckpoint(f"{text!r:.100} is not {length} bytes in base64.")
    return found
