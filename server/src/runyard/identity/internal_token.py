"""The token by which the yard's own programs on this machine prove that they belong to it."""

from __future__ import annotations

import os
import secrets
import string
from pathlib import Path
from typing import Final, Self

LENGTH: Final = 64
FILE: Final = "internal.token"

_ALPHABET: Final = string.digits + string.ascii_letters


class InternalToken:
    """Made anew whenever the yard opens, and kept in a file that only its operator can read."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    @classmethod
    def issue(cls, data_dir: Path) -> Self:
        """Make a token and write it to ``keys/internal.token`` in the data folder, whole or not at all. Blocks."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
        folder = data_dir / "keys"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder / f".{FILE}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(token)
            partial.replace(folder / FILE)
        finally:
            partial.unlink(missing_ok=True)
        return cls(token)

    def check(self, presented: str) -> bool:
        """Whether this is the token, in the same time whatever it is."""
        return secrets.compare_digest(presented.encode(errors="surrogatepass"), self._token)
