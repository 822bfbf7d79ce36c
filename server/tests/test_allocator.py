"""Memory that is kept: bytes that come and go take no new pages each time."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from runyard.allocator import keep_memory

if sys.argv[1] == "kept":
    keep_memory()

def lot():
    return [bytes([number]) * 200_000 for number in range(8)]

lot()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    lot()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library than glibc")
def test_pieces_of_a_body_are_put_where_those_before_were() -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)

    assert faults("kept") < 500 < faults("not kept")
