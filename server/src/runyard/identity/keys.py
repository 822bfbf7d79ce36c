"""The shape of a key: a prefix, random base62 characters, 6 of checksum.

The prefix lets people and secret scanners recognise a key, the checksum finds typing errors offline, and 202
random bits or more make a plain SHA-256 enough to store.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

KeyKind: TypeAlias = Literal["ci", "ry", "openshift", "client"]
"""``ci`` is a key as programs of the ci service expect it, ``ry`` a bearer token for any service, ``openshift`` the
same in the format of OpenShift's tokens, for programs that take no other, ``client`` the secret of a service account,
which is exchanged for tokens.
"""

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIXES: Final[Mapping[KeyKind, str]] = {"ci": "ci_", "ry": "ry_", "openshift": "sha256~", "client": "ry_client_"}
RANDOM: Final[Mapping[KeyKind, int]] = {"ci": 34, "ry": 34, "openshift": 37, "client": 34}
CHECKSUM: Final = 6
SHAPE: Final = re.compile("|".join(f"({PREFIXES[kind]})[0-9A-Za-z]{{{RANDOM[kind] + CHECKSUM}}}" for kind in PREFIXES))


class Secret:
    """A key in the clear, on its way to the person who gets to see it. ``repr`` and ``str`` hide it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({hint(self._text)})"


def new_key(kind: KeyKind) -> Secret:
    """Make a key from the system's randomness.

    It holds a letter, in its prefix, and a digit: a CRC32 in six base62 characters begins with 0 to 4.
    """
    body = PREFIXES[kind] + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM[kind]))
    return Secret(body + _checksum(body))


def checksum_ok(key: str) -> bool:
    """Whether ``key`` has the shape and checksum of a key; not whether it was ever issued."""
    return SHAPE.fullmatch(key) is not None and key[-CHECKSUM:] == _checksum(key[:-CHECKSUM])


def digest(key: str) -> bytes:
    """What is stored in place of the key: SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(key.encode()).digest()


def hint(key: str) -> str:
    """What may be shown of a key: enough for its owner to recognise it, and over 150 bits left to guess."""
    shape = SHAPE.fullmatch(key)
    if shape is None or shape.lastindex is None or not checksum_ok(key):
        return "…"
    return f"{key[: shape.end(shape.lastindex) + 4]}…{key[-4:]}"


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))
