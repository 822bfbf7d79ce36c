"""What `jobs list|show|cancel|retry|delete|files` do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from cl_client import ComputeClient, JobResponse
from cl_client._wire.errors import UsageError
from cl_client._wire.program import OK
from cl_client._wire.terminal import is_interactive, note, say, say_json, show_facts, show_size, show_table
from cl_client.models import JobFile

from .connection import ask
from .failures import Failure, failure_of
from .fetching import fetch_folder
from .options import Server
from .outcome import record_facts, status_of
from .terminal import show_duration, show_time, status_style


def list_jobs(server: Server, *, status: Sequence[str], task_type: Sequence[str], limit: int, as_json: bool) -> None:
    """Print the newest jobs."""

    async def fetch(client: ComputeClient) -> list[JobResponse]:
        return [record async for record in client.jobs(status=status, task_type=task_type, limit=limit)]

    records = ask(server, fetch)
    if as_json:
        say_json([record.model_dump(mode="json") for record in records])
    elif records:
        show_table(
            ["Job ID", "Task Type", "Status", "Progress", "Submitted", "Took"],
            [_row(one) for one in records],
            style=status_style,
        )
    else:
        say("No jobs.")


def show_job(server: Server, job_id: str, *, as_json: bool) -> int:
    """Print a job's record; the exit code is the job's."""
    record = ask(server, lambda client: client.get_job(job_id))
    if as_json:
        say_json(record.model_dump(mode="json"))
        return OK
    times = [("Submitted", record.created_at), ("Started", record.started_at), ("Ended", record.completed_at)]
    show_facts([
        *record_facts(record),
        *((label, show_time(moment)) for label, moment in times if moment is not None),
        *(("Parameter", f"{name} = {value}") for name, value in record.params.items() if value is not None),
    ], style=status_style)  # fmt: skip
    return OK


def cancel_jobs(server: Server, job_ids: Sequence[str]) -> int:
    """Stop each; the exit code."""

    async def cancel(client: ComputeClient, job_id: str) -> str:
        record = await client.cancel_job(job_id)
        return f"Job {job_id} is {'cancelled' if record.ended else 'being cancelled'}."

    return _each(server, job_ids, cancel)


def retry_jobs(server: Server, job_ids: Sequence[str]) -> int:
    """Do each again; the exit code."""

    async def retry(client: ComputeClient, job_id: str) -> str:
        job = await client.job(job_id).retry()
        return f"Job {job_id} is done again as {job.id}. Follow it with: cl_client watch {job.id}"

    return _each(server, job_ids, retry)


def delete_jobs(server: Server, job_ids: Sequence[str], *, yes: bool) -> int:
    """Remove each, after asking; the exit code."""
    if not yes:
        import typer

        if not is_interactive():
            raise UsageError("This removes jobs with all their files. To do it without being asked, add: --yes")
        what = f"job {job_ids[0]} and its files" if len(job_ids) == 1 else f"{len(job_ids)} jobs and their files"
        if not typer.confirm(f"Remove {what}?", err=True):
            return OK

    async def delete(client: ComputeClient, job_id: str) -> str:
        await client.delete_job(job_id)
        return f"Job {job_id} is removed."

    return _each(server, job_ids, delete)


def list_files(server: Server, job_id: str, *, output: str | None, as_json: bool) -> None:
    """Print a job's files, or bring them here."""
    if output is not None:
        folder = Path(output)
        for path in ask(server, lambda client: fetch_folder(client, job_id, "", folder)):
            say(str(path))
        return
    files: list[JobFile] = ask(server, lambda client: client.job(job_id).files())
    if as_json:
        say_json([file.model_dump(mode="json") for file in files])
    else:
        show_table(["Size", "Type", "Path"], [[show_size(file.size), file.content_type, file.path] for file in files])


def _each(server: Server, job_ids: Sequence[str], act: Callable[[ComputeClient, str], Awaitable[str]]) -> int:
    """Act on each job; one that refuses does not keep the others from it. The exit code."""

    async def act_on_all(client: ComputeClient) -> int:
        code = OK
        for job_id in job_ids:
            try:
                say(await act(client, job_id))
            except Exception as error:
                failure: Failure | None = failure_of(error)
                if failure is None:
                    raise
                note(f"Error: {job_id}: {failure.message}")
                code = max(code, failure.code)
        return code

    return ask(server, act_on_all)


def _row(record: JobResponse) -> list[str]:
    took = "-"
    if record.completed_at is not None:
        took = show_duration((record.completed_at - (record.started_at or record.created_at)) / 1000)
    return [
        record.job_id,
        record.task_type,
        status_of(record),
        f"{record.progress} %",
        show_time(record.created_at),
        took,
    ]
