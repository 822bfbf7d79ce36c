"""Public keys people sign with: read from the usual texts, named by fingerprint, used to check signatures. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
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

from runyard.identity.errors import InvalidValue

RSA_BITS: Final = range(2048, 8193)
LONGEST: Final = 16 * 1024
"""Characters of a key's text; one of RSA with 8192 bits has 1,400."""

_ACCEPTED: Final = "RSA (2048 to 8192 bits), Ed25519, and ECDSA on P-256 or P-384"

_Key: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures can be checked with."""

    kind: str
    """``ED25519``, ``RSA 3072``, ``ECDSA P-256``."""

    line: str
    """Type and content as OpenSSH writes them, without a comment."""

    comment: str
    _key: _Key

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
                    digest = hashes.SHA256() if self._key.curve.key_size == 256 else hashes.SHA384()
                    self._key.verify(signature, data, ec.ECDSA(digest))
        except InvalidSignature:
            return False
        return True


def read_public_key(text: str) -> PublicKey:
    """The key in a line of OpenSSH's, or in PEM (``BEGIN PUBLIC KEY``, ``BEGIN RSA PUBLIC KEY``).

    Raises:
        InvalidValue: there is none, or one that isn't accepted; the text says what it is.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise InvalidValue(f"This is no public key: it has {len(text)} characters; {LONGEST} are the most.")
    if "PRIVATE KEY" in text:
        raise InvalidValue("This is a private key: keep it to yourself, and give its public half (the .pub file).")
    pem = text.startswith("-----BEGIN")
    comment = "" if pem else " ".join(text.split()[2:])
    try:
        loaded = load_pem_public_key(text.encode()) if pem else load_ssh_public_key(text.encode())
    except UnsupportedAlgorithm as error:
        raise InvalidValue(f"This kind of key isn't accepted ({error}). Accepted are {_ACCEPTED}.") from None
    except ValueError:
        shown = text.split("\n", 1)[0][:40]
        raise InvalidValue(
            f"{shown!r} is no public key. Give the line of a .pub file, such as 'ssh-ed25519 AAAA... name'."
        ) from None
    kind = _kind(loaded)
    assert isinstance(loaded, rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey)
    line = loaded.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PublicKey(kind, line, comment, loaded)


def _kind(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise InvalidValue(f"An RSA key of {key.key_size} bits isn't accepted. Accepted are {_ACCEPTED}.")
        return f"RSA {key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ED25519"
    if isinstance(key, ec.EllipticCurvePublicKey):
        names = {"secp256r1": "P-256", "secp384r1": "P-384"}
        if key.curve.name not in names:
            raise InvalidValue(f"An ECDSA key on {key.curve.name} isn't accepted. Accepted are {_ACCEPTED}.")
        return f"ECDSA {names[key.curve.name]}"
    raise InvalidValue(f"A key of type {type(key).__name__} isn't accepted. Accepted are {_ACCEPTED}.")
