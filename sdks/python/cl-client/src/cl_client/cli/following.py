"""What `watch` and `download` do."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath

from cl_client import ComputeClient, JobResponse
from cl_client._wire.errors import UsageError
from cl_client._wire.interrupt import Interrupted
from cl_client._wire.program import FAILED, INTERRUPTED, OK
from cl_client._wire.terminal import note, say_json, show_facts, show_size

from .connection import ask
from .fetching import fetch_file
from .options import Server
from .outcome import record_facts
from .progress import Board, follow, look
from .terminal import status_style


def watch(server: Server, job_id: str, *, timeout: float, as_json: bool) -> int:
    """Show progress until the job ends; the exit code is the job's."""

    async def until_its_end(client: ComputeClient) -> JobResponse:
        with Board(1, look(watch=True, several=False, streams=False)) as board:
            return await follow(client.job(job_id), job_id, board, timeout=timeout)

    try:
        record = ask(server, until_its_end, events=True)
    except Interrupted:
        note(f"\nStopped watching. The job goes on: cl_client watch {job_id}")
        return INTERRUPTED
    if as_json:
        say_json(record.model_dump(mode="json"))
    else:
        show_facts(record_facts(record), style=status_style)
    return FAILED if record.failed else OK


def download(server: Server, job_id: str, file_path: str, dest: str | None) -> None:
    """Fetch one file of a job; ``-`` writes it to stdout."""
    name = PurePosixPath(file_path).name
    if not name:
        raise UsageError(f"{file_path!r} is no file's path; `cl_client jobs files {job_id}` lists them")
    if dest == "-":
        with tempfile.TemporaryDirectory(prefix="cl_client-") as folder:
            place = ask(server, lambda client: fetch_file(client, job_id, file_path, Path(folder, "file")))
            with place.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    target = Path(dest) if dest else Path(name)
    if target.is_dir() or (dest or "").endswith("/"):
        target /= name
    place = ask(server, lambda client: fetch_file(client, job_id, file_path, target))
    note(f"{place} ({show_size(place.stat().st_size)})")
