"""The token by which the yard's own programs on this machine prove that they belong to it."""

from __future__ import annotations

import secrets
import string
from pathlib import Path
from typing import Final, Self

LENGTH: Final = 64
_ALPHABET: Final = string.digits + string.ascii_letters


class InternalToken:
    """Made anew whenever the yard opens, and kept in a file that only its operator can read."""

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def issue(cls, data_dir: Path) -> Self:
        """Make a token and write it to ``keys/internal.token`` in the data folder. Blocks."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
        folder = data_dir / "keys"
        folder.mkdir(mode=0o700, exist_ok=True)
        partial = folder / f".internal-{secrets.token_hex(4)}"
        partial.touch(mode=0o600)
        partial.write_text(token)
        partial.replace(folder / "internal.token")
        return cls(token)

    def check(self, presented: str) -> bool:
        """Whether this is the token, in the same time whatever it is."""
        return secrets.compare_digest(presented.encode(), self._token.encode())
