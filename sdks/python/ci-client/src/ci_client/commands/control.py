"""`ci cancel` and `ci rerun`."""

from __future__ import annotations

import argparse

from ci_client._wire.terminal import say
from ci_client.session import connected
from ci_client.terminal import note


def cancel(arguments: argparse.Namespace) -> int:
    """Stop a job."""
    with connected(arguments) as ci:
        job = ci.job(arguments.job_id).cancel()
    say(f"Job {job.job_id} is {'cancelled' if job.is_over else 'being cancelled'}.")
    return 0


def rerun(arguments: argparse.Namespace) -> int:
    """Run a job's package again."""
    with connected(arguments) as ci:
        job = ci.job(arguments.job_id).rerun(failed=arguments.failed)
    say(f"Job submitted: {job.id}")
    note(f"Follow it with: ci wait {job.id} --all")
    return 0
