"""Passwords: argon2id, computed beside the event loop, with the same effort for unknown users."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from runyard.identity.errors import InvalidValue

T = TypeVar("T")

LONGEST: Final = 1024
"""Characters of a password; more would only be work for the hash."""

AT_ONCE: Final = 2
"""Hashes computed at once. Each takes 64 MiB while it runs; the others wait."""


class Passwords:
    """Hashes and checks passwords with the given parameters; argon2-cffi's recommendation by default."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The text to store for ``password``.

        Raises:
            InvalidValue: it is empty or absurdly long.
        """
        if not 1 <= len(password) <= LONGEST:
            raise InvalidValue(f"A password has 1 to {LONGEST} characters, not {len(password)}.")
        return await self._beside(lambda: self._hasher.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` is the one ``stored``; if none is, the answer is no after the same effort."""
        if self._decoy is None:
            self._decoy = await self.hash(secrets.token_urlsafe())
        against = stored or self._decoy
        matches = await self._beside(lambda: self._matches(password[: LONGEST + 1], against))
        return matches and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters and is due to be made again."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except VerificationError:
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
