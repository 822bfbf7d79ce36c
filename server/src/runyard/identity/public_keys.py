"""Public keys people sign with: read from the usual texts, named by fingerprint, used to check signatures. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
    load_ssh_public_key,
)

from runyard.identity.errors import InvalidPublicKey

RSA_BITS: Final = range(2048, 8193)
LONGEST: Final = 16 * 1024
"""Characters of a key's text; one of RSA with 8192 bits has 1,400."""

_ACCEPTED: Final = "Accepted are Ed25519 (ssh-keygen -t ed25519), RSA of 2048 to 8192 bits, ECDSA on P-256 and P-384."
_CURVES: Final = {"secp256r1": ("P-256", hashes.SHA256()), "secp384r1": ("P-384", hashes.SHA384())}

_TYPES: Final = frozenset({"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"})
_OTHERS: Final = {
    "ssh-dss": "A DSA key",
    "ecdsa-sha2-nistp521": "An ECDSA key on P-521",
    "sk-ssh-ed25519@openssh.com": "A key on a FIDO token",
    "sk-ecdsa-sha2-nistp256@openssh.com": "A key on a FIDO token",
}
_CERTIFICATE: Final = "-cert-v01@openssh.com"
_CONTENT: Final = "AAAA"
"""How the content of every SSH key begins: with the length of a short word."""

_PRIVATE: Final = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|b3BlbnNzaC1rZXktdjE")
"""What private keys say they are, in PEM, PuTTY's form, and OpenSSH's without its first line."""

_LABEL: Final = re.compile(r"-----BEGIN ([^\n-]{1,40})-----")

_Key: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures can be checked with. Two are equal if they are the same key, whatever text they came in."""

    kind: str
    """``ED25519``, ``RSA 3072``, ``ECDSA P-256``."""

    line: str
    """Type and content as OpenSSH writes them, without a comment."""

    comment: str = field(compare=False)
    _key: _Key = field(compare=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` shows it."""
        content = base64.b64decode(self.line.split(" ")[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether this key has signed ``data``: RSA by PKCS#1 v1.5, ECDSA in DER, both over SHA-2; Ed25519 as it is."""
        try:
            match self._key:
                case rsa.RSAPublicKey():
                    self._key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
                case ed25519.Ed25519PublicKey():
                    self._key.verify(signature, data)
                case ec.EllipticCurvePublicKey():
                    _, digest = _CURVES[self._key.curve.name]
                    self._key.verify(signature, data, ec.ECDSA(digest))
        except InvalidSignature:
            return False
        return True


def read_public_key(text: str) -> PublicKey:
    """The key in a line of OpenSSH's, or in PEM (``BEGIN PUBLIC KEY``, ``BEGIN RSA PUBLIC KEY``).

    Raises:
        InvalidPublicKey: there is none, or one that isn't accepted; the error says what it is. It never quotes the
            text, which may be a private key or a password that was pasted by mistake.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise InvalidPublicKey(f"This is no public key: it has {len(text)} characters; {LONGEST} are the most.")
    if _PRIVATE.search(text):
        raise InvalidPublicKey("This is a private key: keep it to yourself, and give its public half (the .pub file).")
    loaded, comment = _from_pem(text) if "-----BEGIN" in text else _from_line(text)
    kind, key = _accepted(loaded)
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PublicKey(kind, line, comment, key)


def _from_pem(text: str) -> tuple[object, str]:
    labels: list[str] = _LABEL.findall(text)
    if len(labels) != 1:
        raise InvalidPublicKey(f"There are {len(labels)} keys in this PEM. Give one.")
    if labels[0] not in {"PUBLIC KEY", "RSA PUBLIC KEY"}:
        raise InvalidPublicKey(f"A {labels[0]} in PEM isn't accepted. Give a PUBLIC KEY, or the line of a .pub file.")
    try:
        return load_pem_public_key(text.encode()), ""
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidPublicKey(f"This PEM is damaged, or of a kind that isn't accepted. {_ACCEPTED}") from None


def _from_line(text: str) -> tuple[object, str]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if any(line.startswith("---- BEGIN SSH2 PUBLIC KEY") for line in lines):
        raise InvalidPublicKey("A key in the form of RFC 4716 isn't accepted. Convert it with: ssh-keygen -i -f FILE")
    if len(lines) > 1:
        raise InvalidPublicKey(f"A public key is one line; these are {len(lines)}. Give one key, unbroken.")
    kind, content, comment = (*"".join(lines).split(maxsplit=2), "", "", "")[:3]
    if kind not in _TYPES:
        raise _foreign(kind, content, comment)
    try:
        return load_ssh_public_key(f"{kind} {content}".encode()), comment
    except (ValueError, NotImplementedError):  # the latter for points that are compressed
        raise InvalidPublicKey(f"This {kind} key is damaged: copy the whole line again.") from None


def _foreign(kind: str, content: str, comment: str) -> InvalidPublicKey:
    """What a line is that doesn't begin with a type that is accepted."""
    if kind.endswith(_CERTIFICATE):
        return InvalidPublicKey("A certificate isn't accepted. Give the key itself: the .pub file without '-cert'.")
    if kind in _OTHERS:
        return InvalidPublicKey(f"{_OTHERS[kind]} isn't accepted. {_ACCEPTED}")
    if content.startswith(_CONTENT):
        return InvalidPublicKey(f"A key of type {kind!r} isn't accepted. {_ACCEPTED}")
    if not _TYPES.isdisjoint((content, *comment.split())):
        return InvalidPublicKey("Options before a key have no meaning here. Leave them out: begin with the key's type.")
    return InvalidPublicKey("This is no public key. Give the line of a .pub file, such as 'ssh-ed25519 AAAA... name'.")


def _accepted(key: object) -> tuple[str, _Key]:
    match key:
        case ed25519.Ed25519PublicKey():
            return "ED25519", key
        case rsa.RSAPublicKey() if key.key_size in RSA_BITS:
            return f"RSA {key.key_size}", key
        case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return f"ECDSA {_CURVES[key.curve.name][0]}", key
        case rsa.RSAPublicKey():
            what = f"An RSA key of {key.key_size} bits"
        case ec.EllipticCurvePublicKey():
            what = f"An ECDSA key on {key.curve.name}"
        case _:
            what = f"A key of type {type(key).__name__.removesuffix('PublicKey')}"
    raise InvalidPublicKey(f"{what} isn't accepted. {_ACCEPTED}")
