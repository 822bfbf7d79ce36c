"""What git prints, fit to be shown: whole lines, without secrets, progress and codes that move a cursor."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
LONGEST_LINE: Final = 4096
KEPT: Final = 40
SAID: Final = 600

_CODES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b")
_COMPLAINT: Final = re.compile(r"(?:fatal|error|remote): *\S")
_WHERE: Final = re.compile(r"Cloning into bare repository '.*")


class Output:
    """Takes output as it comes and gives it back in lines."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._last: deque[str] = deque(maxlen=KEPT)

    def feed(self, chunk: bytes) -> str:
        """The lines that are complete now, each with its end."""
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        if len(self._rest) > 2 * LONGEST_LINE:  # progress overwrites itself: only its latest state is of interest
            self._rest = self._rest[-LONGEST_LINE:]
        return self._shown(lines)

    def finish(self) -> str:
        """What stood on an unfinished line."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        return self._shown([rest]) if rest else ""

    def complaint(self) -> str:
        """Git's own last words on what went wrong, in one line."""
        complaints = [line for line in self._last if _COMPLAINT.match(line)]
        words = " ".join(" ".join(complaints or list(self._last)[-3:]).split())
        return words if len(words) <= SAID else f"{words[: SAID - 1]}…"

    def _shown(self, lines: Iterable[str]) -> str:
        shown = [self._line(line) for line in lines]
        found = [line for line in shown if line and not _WHERE.fullmatch(line)]
        self._last.extend(found)
        return "".join(f"{line}\n" for line in found)

    def _line(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        state = line.rstrip("\r").rpartition("\r")[2] or line
        plain = _CODES.sub("", state).strip()[:LONGEST_LINE]
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in plain)
