"""Sealing what the yard has to show again, unlike passwords and keys: AES-256-GCM with a key in the data folder.

Whoever has a copy of the database has nothing without the file.
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runyard.identity.errors import SealBroken
from runyard.identity.signing import place

FILE: Final = "credentials.key"
NONCE: Final = 12
LENGTH: Final = 32


class Seal:
    """Seals and opens small secrets. Blocks, for as long as reading a small file takes.

    Args:
        folder: where the key is, in ``credentials.key``.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def seal(self, content: bytes, *, about: bytes) -> bytes:
        """The sealed form of ``content``. It opens only together with what it is ``about``.

        The key is made if there is none.

        Raises:
            SealBroken: the key can't be used.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                place(self._path, secrets.token_bytes(LENGTH), mode=0o600)
        except OSError as error:
            raise SealBroken(f"{self._path} can't be made ({error.strerror}).") from error
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher().encrypt(nonce, content, about)

    def open(self, sealed: bytes, *, about: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: the key isn't there, can't be used, or is another one; or somebody has changed what is sealed.
        """
        try:
            return self._cipher().decrypt(sealed[:NONCE], sealed[NONCE:], about)
        except InvalidTag:
            raise SealBroken(
                f"This was sealed with another key than {self._path}, or has been changed since. "
                "Put back the file that was there, or add it again with: runyard credential add"
            ) from None

    def _cipher(self) -> AESGCM:
        try:
            if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                raise SealBroken(f"{self._path} may be read by others. Run: chmod 600 {self._path}")
            key = self._path.read_bytes()
        except FileNotFoundError:
            raise SealBroken(
                f"{self._path} is missing. Copy it from the yard that keeps the credentials, with mode 0600."
            ) from None
        except OSError as error:
            raise SealBroken(f"{self._path} can't be read ({error.strerror}).") from error
        if len(key) != LENGTH:
            raise SealBroken(f"{self._path} has {len(key)} bytes, not {LENGTH}. Put back the file that was there.")
        return AESGCM(key)
