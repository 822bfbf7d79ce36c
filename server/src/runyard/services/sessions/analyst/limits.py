"""What a repository may make the analyst do. Whatever is left out because of a limit is named among the unseen."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one analysis; sizes in bytes, times in seconds."""

    files: int = 50_000
    """Files of one repository that are looked at."""
    depth: int = 48
    """Folders inside folders."""
    text: int = 4 * MIB
    """Size of a file that is read as text."""
    python: int = MIB
    """Size of a Python file whose syntax tree is built."""
    manifest: int = 2 * MIB
    """Size of a file that names dependencies."""
    commits: int = 10_000
    """Latest commits that are read one by one."""
    history: int = 256 * MIB
    """What git may print about them."""
    seconds: float = 120.0
    """From the first file to the last."""
    listed: int = 200
    """Entries of any one list of facts."""
