"""Digests of large files, computed once for as long as a file doesn't change."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sha256.json"


def digest_of(path: Path) -> str:
    """SHA-256 of the file, in hex.

    It is kept in a file beside it, with the size and the time of change it belongs to: it is there to find damage, and
    whoever may write the one file may write the other.
    """
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    note = path.with_name(path.name + SUFFIX)
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(note.read_text())
        if noted["stamp"] == stamp:
            return str(noted["sha256"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with suppress(OSError):  # a shelf that can only be read does as well, with slower starts
        fresh = note.with_name(f".{note.name}.{os.getpid()}")
        fresh.write_text(json.dumps({"sha256": digest, "stamp": stamp}))
        fresh.replace(note)
    return digest
