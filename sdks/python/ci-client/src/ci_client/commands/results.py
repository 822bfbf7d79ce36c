"""`ci tests` and `ci artifacts`: what a job left behind."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ci_client._wire.terminal import say, show_size
from ci_client.download import safe_name
from ci_client.errors import UsageError
from ci_client.job import Job
from ci_client.records import Artifact, TestCase
from ci_client.session import connected
from ci_client.terminal import paint, progress

_COLOURS = {"passed": "green", "failed": "red", "error": "red"}


def tests(arguments: argparse.Namespace) -> int:
    """Show test cases, with tracebacks when only failures are asked for."""
    with connected(arguments) as ci:
        cases = ci.job(arguments.job_id).tests(failed=arguments.failed, slowest=arguments.slowest)
    if arguments.json:
        say(json.dumps([asdict(case) for case in cases], indent=2))
    elif not cases:
        say("No failing tests." if arguments.failed else "No tests.")
    else:
        for case in cases:
            _show_case(case, with_output=arguments.failed)
    return 0


def artifacts(arguments: argparse.Namespace) -> int:
    """List them, or download those named."""
    with connected(arguments) as ci:
        job = ci.job(arguments.job_id)
        found = job.artifacts()
        if not arguments.all and not arguments.download:
            for artifact in found:
                say(f"{show_size(artifact.size):>10}  {artifact.name}")
            if not found:
                say("No artifacts.")
            return 0
        for artifact in _chosen(found, arguments):
            _download(job, artifact, Path(arguments.output))
    return 0


def _show_case(case: TestCase, *, with_output: bool) -> None:
    outcome = paint(f"{case.outcome:<8}", _COLOURS.get(case.outcome, "yellow"), sys.stdout)
    say(f"{outcome} {case.duration:>8.2f} s  {case.id}")
    if with_output:
        if case.message:
            say(f"    {case.message}")
        if case.output:
            say()
            say("\n".join(f"    {line}".rstrip() for line in case.output.splitlines()))
            say()


def _chosen(found: list[Artifact], arguments: argparse.Namespace) -> list[Artifact]:
    if arguments.all:
        return found
    by_name = {artifact.name: artifact for artifact in found}
    missing = [name for name in arguments.download if name not in by_name]
    if missing:
        known = ", ".join(sorted(by_name)) or "none"
        raise UsageError(f"There is no artifact {missing[0]!r}; this job has: {known}")
    return [by_name[name] for name in arguments.download]


def _download(job: Job, artifact: Artifact, folder: Path) -> None:
    target = folder / safe_name(artifact.name)
    with progress(artifact.name) as on_progress:
        say(str(job.fetch(artifact, target, on_progress=on_progress)))
