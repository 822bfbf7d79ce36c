"""After Ctrl-C: the jobs go on, and who wants may cancel them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cl_client._wire.terminal import is_interactive, note

_SHOWN = 10


def tell_what_goes_on(job_ids: Sequence[str]) -> None:
    """Say which jobs go on without us, and how to come back to them."""
    if not job_ids:
        return
    note("\nStopped waiting. What was submitted goes on:")
    for job_id in job_ids[:_SHOWN]:
        note(f"  cl_client watch {job_id}")
    if len(job_ids) > _SHOWN:
        note(f"  and {len(job_ids) - _SHOWN} more; see: cl_client jobs list")


def wants_to_cancel(count: int) -> bool:
    """Ask whether to cancel so many jobs; no where nobody can be asked."""
    if not is_interactive():
        return False
    sys.stderr.write(f"Cancel {'it' if count == 1 else f'all {count}'}? [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        note()
        return False
