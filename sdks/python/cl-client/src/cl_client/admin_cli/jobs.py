"""`jobs`: what all jobs' files take, and making room."""

from __future__ import annotations

from typing import Annotated

import typer

from cl_client.cli.options import JsonOption

from .caller import caller_of

jobs = typer.Typer(help="Storage of all jobs.", no_args_is_help=True)

_ComputeUrl = Annotated[
    str | None,
    typer.Option("--compute-url", metavar="URL", help="Compute service; or set COMPUTE_URL.", show_default=False),
]


@jobs.command("storage")
def show_storage(ctx: typer.Context, *, compute_url: _ComputeUrl = None, as_json: JsonOption = False) -> None:
    """Say how many jobs there are, and what their files take."""
    from cl_client._wire.terminal import say_json, show_facts, show_size

    found = caller_of(ctx).admin(compute_url=compute_url).compute(lambda client: client.get_storage_size())
    if as_json:
        say_json(found.model_dump(mode="json"))
    else:
        show_facts([("Jobs", str(found.job_count)), ("Files", show_size(found.total_size))])


@jobs.command("cleanup")
def clean_up(
    ctx: typer.Context,
    *,
    days: Annotated[int, typer.Option(min=0, help="Remove what ended longer ago than so many days.")] = 7,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    compute_url: _ComputeUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Remove old jobs that have ended, with their files."""
    from cl_client._wire.errors import UsageError
    from cl_client._wire.terminal import is_interactive, say, say_json, show_size

    access = caller_of(ctx).admin(compute_url=compute_url)
    if not yes:
        if not is_interactive():
            raise UsageError("This removes jobs of all users. To do it without being asked, add: --yes")
        if not typer.confirm(f"Remove all jobs that ended more than {days} days ago?", err=True):
            return
    done = access.compute(lambda client: client.cleanup_jobs(days))
    if as_json:
        say_json(done.model_dump(mode="json"))
    else:
        say(f"✓ {done.deleted_count} jobs removed, {show_size(done.freed_space)} freed")
