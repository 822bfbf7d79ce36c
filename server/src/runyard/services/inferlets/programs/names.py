"""What programs are called: names and versions, references to them, and which version is newer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

from runyard.services.inferlets.programs.errors import BadName

DEFAULT_NAMESPACE: Final = "std"
LATEST: Final = "latest"

_PART: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER: Final = r"(?:0|[1-9][0-9]{0,9})"
_WORD: Final = r"(?:0|[1-9][0-9]{0,9}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_WORD}(?:\.{_WORD})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST_VERSION: Final = 64


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version. The build part after ``+`` doesn't count in comparisons."""

    text: str
    numbers: tuple[int, int, int]
    prerelease: tuple[str, ...]

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        # A release is newer than its prereleases; of their words, numbers come before names.
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.prerelease)
        return (*self.numbers, not self.prerelease, words)


def read_version(text: str) -> Version:
    """A version.

    Raises:
        BadName: it is none.
    """
    found = _VERSION.fullmatch(text)
    if found is None or len(text) > _LONGEST_VERSION:
        raise BadName(f"{text!r} is no version: it has three numbers, like 1.0.2, and perhaps -beta.1 behind them.")
    major, minor, patch, prerelease = found.groups()
    return Version(
        text, (int(major), int(minor), int(patch)), tuple((prerelease or "").split(".")) if prerelease else ()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramName:
    """What one uploaded program is called."""

    namespace: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which program somebody means: a digest, or a name whose version may be open (None: the newest)."""

    digest: str | None = None
    namespace: str = DEFAULT_NAMESPACE
    name: str = ""
    version: str | None = None

    def __str__(self) -> str:
        return self.digest or f"{self.namespace}/{self.name}@{self.version or LATEST}"


def read_reference(text: str) -> Reference:
    """``[namespace/]name[@version]``, or the 64 hex digits of a BLAKE3 digest.

    Raises:
        BadName: it is neither.
    """
    if _DIGEST.fullmatch(text):
        return Reference(digest=text.lower())
    full, at, version = text.partition("@")
    namespace, slash, name = full.partition("/")
    if not slash:
        namespace, name = DEFAULT_NAMESPACE, full
    if at and version != LATEST:
        read_version(version)
    return Reference(
        namespace=check_part(namespace, text), name=check_part(name, text),
        version=None if not at or version == LATEST else version,
    )  # fmt: skip


def check_part(part: str, whole: str) -> str:
    """A namespace or name, if it is one.

    Raises:
        BadName: it isn't.
    """
    if not _PART.fullmatch(part) or ".." in part:
        raise BadName(
            f"{whole[:200]!r} names no program: namespace and name have 1 to 64 letters, digits, dots (never two), "
            "hyphens and underscores, and begin and end with a letter or digit."
        )
    return part
