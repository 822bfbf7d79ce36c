"""`jobs`, `watch` and `download`: what was submitted, from anywhere, and what has become of it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from .options import JobArgument, JobsArgument, JsonOption, Server, with_server

jobs = typer.Typer(help="List, show, cancel, repeat and remove jobs.", no_args_is_help=True)


class Status(str, Enum):
    """What a job can be."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


_Status = Annotated[
    list[Status],
    typer.Option("--status", "-s", help="Only these; may be repeated.", show_default=False),
]
_Type = Annotated[
    list[str],
    typer.Option("--type", "-T", metavar="PLUGIN", help="Only of these plugins; may be repeated.", show_default=False),
]


def add_job_commands(app: typer.Typer) -> None:
    """Add them to the program."""
    app.add_typer(jobs, name="jobs", rich_help_panel="Jobs")
    app.command(rich_help_panel="Jobs")(watch)
    app.command(rich_help_panel="Jobs")(download)


@jobs.command("list")
@with_server
def list_jobs(
    *,
    status: _Status = [],  # noqa: B006 - typer makes a new list each time
    task_type: _Type = [],  # noqa: B006
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    server: Server,
) -> None:
    """List your jobs, the newest first."""
    from .tending import list_jobs

    statuses = [one.value for one in status]
    list_jobs(server, status=statuses, task_type=[_plugin(name) for name in task_type], limit=limit, as_json=as_json)


@jobs.command("show")
@with_server
def show_job(*, job_id: JobArgument, as_json: JsonOption = False, server: Server) -> None:
    """Show a job: its state, its parameters, what it found out."""
    from .tending import show_job

    raise typer.Exit(show_job(server, job_id, as_json=as_json))


@jobs.command("cancel")
@with_server
def cancel_jobs(*, job_ids: JobsArgument, server: Server) -> None:
    """Stop jobs that are waiting or running."""
    from .tending import cancel_jobs

    raise typer.Exit(cancel_jobs(server, job_ids))


@jobs.command("retry")
@with_server
def retry_jobs(*, job_ids: JobsArgument, server: Server) -> None:
    """Do jobs again, with the same files and parameters, as new jobs."""
    from .tending import retry_jobs

    raise typer.Exit(retry_jobs(server, job_ids))


@jobs.command("delete")
@with_server
def delete_jobs(
    *,
    job_ids: JobsArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    server: Server,
) -> None:
    """Remove jobs with all their files, whatever their state."""
    from .tending import delete_jobs

    raise typer.Exit(delete_jobs(server, job_ids, yes=yes))


@jobs.command("files")
@with_server
def list_files(
    *,
    job_id: JobArgument,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Download all of them.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    server: Server,
) -> None:
    """List the files of a job; -o downloads them."""
    from .tending import list_files

    list_files(server, job_id, output=output, as_json=as_json)


@with_server
def watch(
    *,
    job_id: JobArgument,
    timeout: Annotated[
        float, typer.Option("--timeout", "-t", min=0, metavar="SECONDS", help="Longest wait; 0 waits for ever.")
    ] = 0,
    as_json: JsonOption = False,
    server: Server,
) -> None:
    """Follow a job until it ends."""
    from .following import watch

    raise typer.Exit(watch(server, job_id, timeout=timeout, as_json=as_json))


@with_server
def download(
    *,
    job_id: JobArgument,
    file_path: Annotated[
        str, typer.Argument(metavar="FILE_PATH", help="As `jobs files` lists it.", show_default=False)
    ],
    dest: Annotated[
        str | None,
        typer.Argument(metavar="[DEST]", help="File or folder; `-` for stdout.", show_default="its own name"),
    ] = None,
    server: Server,
) -> None:
    """Download a file of a job."""
    from .following import download

    download(server, job_id, file_path, dest)


def _plugin(name: str) -> str:
    """Plugins are written with dashes or with underscores."""
    return name.replace("-", "_")
