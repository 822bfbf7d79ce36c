"""Private keys that prove who one is: from files, from texts, or held by an ssh-agent.

RSA of 2048 bits and more signs with PKCS#1 v1.5 and SHA-256, ECDSA gives DER, Ed25519 is plain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from .errors import KeyEncrypted, KeyRejected

PrivateKey: TypeAlias = "rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey"

_OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"
_SMALLEST_RSA = 2048
_LARGEST_RSA = 8192


class SigningKey(Protocol):
    """What `authenticate` needs of a key."""

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes, in the form that servers check. May block."""
        ...


class ParsedPrivateKey:
    """A private key in memory, or in an ssh-agent.

    Get one with `parse`, `from_file` or `from_agent`.
    """

    def __init__(self, key: SigningKey, kind: str, public_line: str) -> None:
        self._key = key
        self.kind = kind
        self.public_line = public_line

    def __repr__(self) -> str:
        return f"ParsedPrivateKey({self.kind})"

    @classmethod
    def parse(cls, key_content: str, passphrase: str | bytes | None = None) -> ParsedPrivateKey:
        """Read a key's text: OpenSSH, PKCS#8, PKCS#1 (RSA) or SEC1 (ECDSA).

        Raises:
            KeyEncrypted: it needs a passphrase.
            KeyRejected: it is none, its passphrase is another one, or it is too weak or of a foreign kind.
        """
        key, kind = _usable(_load(key_content, passphrase.encode() if isinstance(passphrase, str) else passphrase))
        line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        return cls(_Loaded(key), kind, line)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], passphrase: str | bytes | None = None) -> ParsedPrivateKey:
        """Read a key's file; `~` is one's home. Blocks.

        Raises:
            KeyRejected: as `parse`.
            OSError: the file can't be read.
        """
        place = Path(path).expanduser()
        try:
            return cls.parse(place.read_text(encoding="utf-8", errors="replace"), passphrase)
        except KeyRejected as error:
            raise type(error)(f"{str(place)!r}: {error}") from error.__cause__

    @classmethod
    def from_agent(cls, which: str | None = None, *, socket_path: str | None = None) -> ParsedPrivateKey:
        """Use a key that an ssh-agent holds; it never leaves the agent. Blocks.

        Args:
            which: a part of the key's comment, or the beginning of its public line; the first fitting key if None.
            socket_path: where the agent listens, rather than at SSH_AUTH_SOCK.

        Raises:
            KeyRejected: there is no agent, or it has no such key.
        """
        from ._agent import Agent

        agent = Agent(socket_path)
        held = agent.find(which)
        return cls(held, held.kind, held.public_line)

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes, in the form that servers check.

        Raises:
            KeyRejected: the agent doesn't sign.
        """
        return self._key.sign(data)


class _Loaded:
    """A key in memory."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        digest = hashes.SHA256() if self._key.curve.key_size == 256 else hashes.SHA384()
        return self._key.sign(data, ec.ECDSA(digest))


def _load(content: str, passphrase: bytes | None) -> object:
    load = load_ssh_private_key if _OPENSSH in content else load_pem_private_key
    try:
        return load(content.strip().encode() + b"\n", passphrase)
    except TypeError as error:  # a passphrase is missing, or there is nothing to decrypt
        if passphrase is not None:
            return _load(content, None)
        raise KeyEncrypted("The key is encrypted; give its passphrase, or use an ssh-agent") from error
    except UnsupportedAlgorithm as error:
        raise KeyRejected(f"The key is of a kind that can't be used: {error}") from error
    except ValueError as error:
        if passphrase is not None:
            raise KeyRejected("The key can't be read: the passphrase is wrong, or the key is damaged") from error
        if "assword" in str(error) or "ncrypted" in str(error):
            raise KeyEncrypted("The key is encrypted; give its passphrase, or use an ssh-agent") from error
        raise KeyRejected("The text is no private key in the form of OpenSSH, PKCS#8, PKCS#1 or SEC1") from error


def _usable(key: object) -> tuple[PrivateKey, str]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key, "Ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        if not _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
            raise KeyRejected(f"An RSA key of {key.key_size} bits can't be used: 2048 to 8192 are")
        return key, f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in {"secp256r1", "secp384r1"}:
        return key, f"ECDSA P-{key.curve.key_size}"
    name = key.curve.name if isinstance(key, ec.EllipticCurvePrivateKey) else type(key).__name__.strip("_")
    raise KeyRejected(f"A key of the kind {name!r} can't be used: Ed25519, RSA and ECDSA P-256 and P-384 are")
