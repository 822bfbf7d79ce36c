"""What a program has printed, as it is."""

from __future__ import annotations

import sys


def write(text: str, *, stderr: bool = False) -> None:
    """Print as it is."""
    stream = sys.stderr if stderr else sys.stdout
    stream.write(text)
    stream.flush()
