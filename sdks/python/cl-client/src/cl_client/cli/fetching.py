"""Brings the files of jobs to this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath

from cl_client import ComputeClient, JobResponse
from cl_client._wire.errors import WireError
from cl_client.models import JobFile

from .places import below
from .together import together

_AT_ONCE = 4


class NoResult(WireError):
    """The job has left no such file."""


def result_path(record: JobResponse) -> str:
    """The path of a job's main result on the server.

    Raises:
        NoResult: its record names none.
    """
    path = record.output_path
    if not path:
        raise NoResult(f"Job {record.job_id} names no file of its result; see: cl_client jobs files {record.job_id}")
    return path


def is_folder(record: JobResponse) -> bool:
    """Whether the result is many files, as an HLS ladder is."""
    return not PurePosixPath(record.output_path or "").suffix


async def fetch_file(client: ComputeClient, job_id: str, path: str, target: Path) -> Path:
    """Fetch one file; its folder is made where it is missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    await client.download_job_file(job_id, path, target)
    return target


async def fetch_folder(client: ComputeClient, job_id: str, path: str, target: Path) -> list[Path]:
    """Fetch all files below a folder of the job, a few at a time; ``target`` takes its place."""
    prefix = f"{path.rstrip('/')}/" if path else ""
    found = [file for file in await client.job(job_id).files() if file.path.startswith(prefix)]
    if not found:
        raise NoResult(f"Job {job_id} has no files below {path!r}")
    files = [(file, below(target, file.path.removeprefix(prefix))) for file in found]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetch(file: JobFile, place: Path) -> Path:
        async with gate:
            return await fetch_file(client, job_id, file.path, place)

    return await together(fetch(file, place) for file, place in files)
