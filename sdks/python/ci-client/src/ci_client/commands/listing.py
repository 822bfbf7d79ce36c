"""`ci list`: your jobs, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import chain

from ci_client._wire.terminal import say
from ci_client.records import JobSummary
from ci_client.session import connected
from ci_client.terminal import paint, show_time

_WIDTHS = (38, 12, 22, 22, 8)
_MARK_AT = sum(_WIDTHS[:-1]) + 4
_HEADINGS = ("JOB ID", "STATUS", "START TIME", "END TIME", "SUCCESS")
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "grey")}


def run(arguments: argparse.Namespace) -> int:
    """List the jobs, rows as they arrive."""
    with connected(arguments) as ci:
        jobs = ci.jobs(status=arguments.status, since=arguments.since, limit=arguments.limit)
        if arguments.json:
            say(json.dumps([_fields(job) for job in jobs], indent=2))
            return 0
        first = next(jobs, None)
        if first is None:
            say("No jobs found.")
            return 0
        say(_row(_HEADINGS))
        say("-" * 110)
        for job in chain([first], jobs):
            mark, colour = _MARKS[job.success]
            start, end = show_time(job.start_time, job.started), show_time(job.end_time, job.ended)
            row = _row((job.job_id[:36], job.status, start, end, mark))
            say(f"{row[:_MARK_AT]}{paint(mark, colour, sys.stdout)}{row[_MARK_AT + 1 :]}")
    return 0


def _row(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))


def _fields(job: JobSummary) -> dict[str, object]:
    return {
        "job_id": job.job_id,
        "status": job.status,
        "success": job.success,
        "start_time": job.start_time,
        "end_time": job.end_time,
    }
