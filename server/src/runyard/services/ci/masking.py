"""Keeping secrets of a run's environment out of its log, wherever the output happens to be cut."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

MASK: Final = b"***"
BLOCK: Final = 256 * 1024


class Masker:
    """Replaces every occurrence of some values by ``***``.

    It knows the values as they are: a test that prints one backwards or in base64 gets it past.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret.encode() for secret in secrets if secret}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets))) if self._secrets else None
        self._held = b""

    def feed(self, output: bytes) -> bytes:
        """The next piece of output. What may be the beginning of a secret is held back until more comes."""
        if self._pattern is None:
            return output
        output = self._held + output
        ready, done, end = [], 0, self._open_from(output, 0)
        for found in self._pattern.finditer(output):
            if found.start() >= end:
                break
            ready += [output[done : found.start()], MASK]
            done = found.end()
            if done > end:
                end = self._open_from(output, done)
        ready.append(output[done:end])
        self._held = output[end:]
        return b"".join(ready)

    def finish(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return self.whole(held)

    def whole(self, content: bytes) -> bytes:
        """Content that is all there."""
        return content if self._pattern is None else self._pattern.sub(MASK, content)

    async def stream(self, path: Path) -> AsyncIterator[bytes]:
        """A file's content, masked."""
        file = await asyncio.to_thread(path.open, "rb")
        try:
            while block := await asyncio.to_thread(file.read, BLOCK):
                yield self.feed(block)
            yield self.finish()
        finally:
            await asyncio.to_thread(file.close)

    def text(self, text: str | None) -> str | None:
        """Text that is all there."""
        if text is None or self._pattern is None:
            return text
        return self.whole(text.encode(errors="surrogatepass")).decode(errors="replace")

    def _open_from(self, output: bytes, start: int) -> int:
        """Where the longest ending begins that a secret could go on from."""
        for place in range(max(start, len(output) - len(self._secrets[0]) + 1), len(output)):
            ending = output[place:]
            if any(len(secret) > len(ending) and secret.startswith(ending) for secret in self._secrets):
                return place
        return len(output)
