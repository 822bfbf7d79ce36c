"""`ci submit test`: pack the current directory, send it, show what happens."""

from __future__ import annotations

import argparse
from pathlib import Path

from ci_client._wire.terminal import say, show_size
from ci_client.job import Job
from ci_client.package import Package, build_package
from ci_client.selection import select_files
from ci_client.session import connected
from ci_client.terminal import note, progress
from ci_client.yard import CI

from .following import offer_cancel, show


def run(arguments: argparse.Namespace) -> int:
    """Submit, then follow unless told to detach."""
    if arguments.list:
        return _list()
    with connected(arguments) as ci:
        if arguments.detach:
            say(f"Job submitted: {_submit(ci, arguments).id}")
            return 0
        return _follow(ci, arguments)


def _follow(ci: CI, arguments: argparse.Namespace) -> int:
    job: Job | None = None
    try:
        job = _submit(ci, arguments)
        note(f"Job ID: {job.id}")
        note(f"You can reconnect from another terminal with: ci wait {job.id}")
        note()
        return show(job, job.events(), arguments)
    except KeyboardInterrupt:
        note("\n\nJob cancelled by user.")
        if job is None:
            raise
        note(f"It continues to run on the server; come back with: ci wait {job.id}")
        return offer_cancel(job)
    except RuntimeError:
        note()  # sets the error apart from the log
        raise


def _submit(ci: CI, arguments: argparse.Namespace) -> Job:
    with _pack() as package, progress("Uploading") as on_upload:
        return ci.submit(
            package,
            env=dict(arguments.env),
            timeout=arguments.timeout,
            python=arguments.python,
            tests=arguments.tests,
            network=arguments.network,
            follow=not arguments.detach,
            idempotency_key=arguments.idempotency_key,
            on_upload=on_upload,
        )


def _pack() -> Package:
    with progress("Packing") as on_package:
        return build_package(Path.cwd(), on_progress=on_package)


def _list() -> int:
    selection = select_files(Path.cwd())
    for file in selection.files:
        say(f"{show_size(file.size):>10}  {file.name}")
    with build_package(Path.cwd()) as package:
        note(f"{len(selection.files)} files, {show_size(selection.size)}; packed {show_size(package.size)}")
        note(f"Digest: {package.digest}")
    for name, why in selection.left_out:
        note(f"Left out: {name} ({why})")
    return 0
