"""Keys as ``ssh-keygen`` makes them, and signatures as the protocol has them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

KINDS: Mapping[str, tuple[str, ...]] = {
    "ed25519": ("-t", "ed25519"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "p256": ("-t", "ecdsa", "-b", "256"),
    "p384": ("-t", "ecdsa", "-b", "384"),
}
WEAK: Mapping[str, tuple[str, ...]] = {"rsa-1024": ("-t", "rsa", "-b", "1024"), "p521": ("-t", "ecdsa", "-b", "521")}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair of keys. ``path`` is that of the private one; ``public`` is a line."""

    path: Path
    public: str

    @property
    def private(self) -> PrivateKey:
        key = load_ssh_private_key(self.path.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
        return key


def ssh_keygen(path: Path, *options: str) -> KeyPair:
    """A new pair, made by the program people use."""
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", path.name, "-f", path, *options], check=True, timeout=60)
    return KeyPair(path, path.with_name(f"{path.name}.pub").read_text().strip())


def sign(key: PrivateKey, challenge: str) -> str:
    """The answer to a challenge."""
    return base64.b64encode(signature(key, base64.b64decode(challenge, validate=True))).decode()


def signature(key: PrivateKey, content: bytes) -> bytes:
    """A signature of some bytes."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(content)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(content, ec.ECDSA(hashes.SHA256() if key.curve.key_size == 256 else hashes.SHA384()))
