"""`ci wait`: a job's log, until it ends."""

from __future__ import annotations

import argparse

from ci_client.session import connected
from ci_client.terminal import note

from .following import offer_cancel, show


def run(arguments: argparse.Namespace) -> int:
    """Show new lines, or all of them."""
    with connected(arguments) as ci:
        job = ci.job(arguments.job_id)
        try:
            return show(job, job.events(from_beginning=arguments.all), arguments)
        except KeyboardInterrupt:
            note(f"\nStopped waiting for job {job.id}.")
            note(f"The job continues to run on the server; come back with: ci wait {job.id}")
            return offer_cancel(job)
