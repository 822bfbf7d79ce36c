"""The pair of keys that tokens are signed with: ES256, two PEM files in the data folder, made once and never replaced.

A pair that can't be used is an error, since a new one would end every session without a word.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from runyard.identity.errors import InvalidCredential, SigningKeyUnusable

ALGORITHM: Final = "ES256"
CURVE: Final = "P-256"
PRIVATE: Final = "token_private.pem"
PUBLIC: Final = "token_public.pem"

_ONLY: Final = jws.JWSRegistry(algorithms=[ALGORITHM])
"""No other algorithm is looked at, whatever a token's header says."""


class SigningKey:
    """Signs and verifies. ``repr`` shows the public part's name only.

    Args:
        key: the private key.
    """

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._public = ECKey.import_key(key.public_key)
        self.kid = key.thumbprint()
        """Name of the key: its RFC 7638 thumbprint."""
        self.public_pem = key.as_pem(private=False).decode()
        """The public key in PEM (SPKI)."""

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"

    @classmethod
    def of(cls, folder: Path) -> SigningKey:
        """The pair in ``folder``, made if there is none. Any number of processes may ask at once; blocks.

        Raises:
            SigningKeyUnusable: the files can't be read, or don't belong together.
        """
        private, public = folder / PRIVATE, folder / PUBLIC
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not private.exists():
                if public.exists():
                    raise SigningKeyUnusable(
                        private, f"is gone, while {public.name} is there", way_out=_anew(private, public)
                    )
                place(private, ECKey.generate_key(CURVE).as_pem(private=True), mode=0o600)
            key = cls(_read_private(private, public))
            if not public.exists():
                place(public, key.public_pem.encode(), mode=0o644)
            if public.read_bytes() != key.public_pem.encode():
                raise SigningKeyUnusable(public, f"does not belong to {private.name}", way_out=f"Remove {public}.")
        except OSError as error:
            reason = f"can't be used ({error.strerror})"
            raise SigningKeyUnusable(
                Path(error.filename or folder), reason, way_out="Give the yard's account access to it."
            ) from error
        return key

    @property
    def jwk(self) -> dict[str, object]:
        """The public key as a JWK."""
        return dict(self._public.as_dict(use="sig", alg=ALGORITHM, kid=self.kid))

    def sign(self, payload: bytes, *, typ: str = "JWT") -> str:
        """``payload`` as a JWT, whose header says what sort of token it is."""
        return jws.serialize_compact(
            {"alg": ALGORITHM, "typ": typ, "kid": self.kid}, payload, self._key, registry=_ONLY
        )

    def derive(self, purpose: str) -> bytes:
        """A secret of 32 bytes for this purpose: the same in every process that has the key, and no way back to it."""
        return hmac.digest(self._key.as_der(private=True), f"runyard {purpose}".encode(), "sha256")

    def verify(self, token: str, *, typ: str = "JWT") -> bytes:
        """The payload of a JWT of this sort that was signed with this key.

        Raises:
            InvalidCredential: it was not, or is no JWT at all.
        """
        try:
            found = jws.deserialize_compact(token, self._public, registry=_ONLY)
        except (JoseError, TypeError, ValueError):  # the last two: strange headers, which the library trips over
            raise InvalidCredential("signature") from None
        if found.headers().get("typ") != typ:  # one sort must not pass for another (RFC 8725, 3.11)
            raise InvalidCredential("signature")
        return found.payload


def _read_private(private: Path, public: Path) -> ECKey:
    if stat.S_IMODE(private.stat().st_mode) & 0o077:
        raise SigningKeyUnusable(private, "may be read by others", way_out=f"Run: chmod 600 {private}")
    try:
        key = ECKey.import_key(private.read_bytes())
        if key.is_private and key.curve_name == CURVE:
            return key
    except (JoseError, TypeError, ValueError):  # not PEM, or encrypted
        pass
    raise SigningKeyUnusable(private, f"is no {CURVE} private key in PEM", way_out=_anew(private, public))


def _anew(private: Path, public: Path) -> str:
    return f"Put back the file that was there, or remove {private} and {public}: then all have to sign in again."


def place(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that appears whole or not at all, and leave one that somebody else was faster with."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
