"""``runyard``: open the yard, run workers, look after users and keys, and say what is missing."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runyard import __version__
from runyard.identity.console import AsJson, fail, load
from runyard.identity.verbs import verbs
from runyard.loading import undisturbed
from runyard.services.compute.models_cli import models
from runyard.services.runs.evidence.verbs import evidence_verbs
from runyard.services.runs.outpost.verbs import machine_verbs
from runyard.services.runs.verbs import service_account_verbs, workspace_verbs

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore

app = typer.Typer(
    name="runyard",
    help="One self-hosted yard for remote work. Start with `runyard serve`; settings are RUNYARD_* variables.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of everything the yard keeps.", show_default=False)]


@app.callback(invoke_without_command=True)
def _main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"runyard {__version__}")
        raise typer.Exit


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 picks a free one.", show_default="8000")] = None,
    compute_port: Annotated[int | None, typer.Option(help="HTTP port of `compute`.", show_default="8002")] = None,
    inferlets_port: Annotated[
        int | None, typer.Option(help="Port of `inferlets` and `sessions`.", show_default="8080")
    ] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Port of the MQTT broker.", show_default="1883")] = None,
    worker: Annotated[bool, typer.Option(help="Run a worker process beside the API.")] = True,
) -> None:
    """Open the yard: database, API and one worker, with nothing to configure."""
    with undisturbed():
        from runyard.serve import CannotServe, Opened, serve  # noqa: PLC0415  (loads the web framework)

    settings = load(host=host, port=port, compute_port=compute_port, inferlets_port=inferlets_port, mqtt_port=mqtt_port)

    def ready(opened: Opened) -> None:
        typer.secho(f"The yard is open at {opened.url}", fg="green", err=True)
        typer.echo(f"Media jobs at {opened.compute_url}, events at {opened.mqtt_url or 'no broker'}.", err=True)
        sessions = opened.inferlets_url.replace("ws://", "http://", 1)
        typer.echo(f"WebAssembly programs at {opened.inferlets_url}, agent sessions at {sessions}.", err=True)
        if opened.password is not None:
            typer.echo(
                f"First start: the user 'admin' has the password {opened.password} (said only now; change it with: "
                "runyard user password admin --password-stdin)",
                err=True,
            )
        typer.echo(f"Data in {settings.data_dir}. Ctrl-C closes it; running jobs go back to the queue.", err=True)

    run(serve(settings, worker=worker, ready=ready), CannotServe)


@app.command()
def worker(
    *,
    kinds: Annotated[str | None, typer.Option(help="Kinds of jobs to run, comma-separated; all by default.")] = None,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run jobs in this process; start as many workers as you like, on any machine that reaches the database."""
    with undisturbed():
        from runyard.work import work  # noqa: PLC0415

    settings = load()
    run(work(settings, kinds=kinds.split(",") if kinds else None, supervised=supervised), LookupError)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say what this machine has, what is missing, and how to get it."""
    from runyard.doctor import examine, render  # noqa: PLC0415

    findings = asyncio.run(examine(load()))
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        render(findings)
    raise typer.Exit(0 if all(finding.ok or not finding.essential for finding in findings) else 1)


def run(work: Coroutine[object, object, None], *known: type[Exception]) -> None:
    """Run to the end; problems that have a way out become one clear line."""
    import uvloop  # noqa: PLC0415

    from runyard.database import DatabaseError  # noqa: PLC0415
    from runyard.identity import IdentityError  # noqa: PLC0415
    from runyard.sandbox import SandboxUnavailable  # noqa: PLC0415

    try:
        uvloop.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        if isinstance(error, (*known, DatabaseError, IdentityError, SandboxUnavailable)):
            fail(str(error))
        raise


def open_identity() -> AbstractAsyncContextManager[IdentityStore]:
    """Who may call, for the operator's verbs; loaded when a verb runs."""
    from runyard.identity import open as identity  # noqa: PLC0415

    return identity.open_identity(load(), application="runyard cli")


def everywhere(group: typer.Typer) -> None:
    """Give every command the option ``--data``."""
    for command in group.registered_commands:
        assert command.callback is not None
        command.callback = _with_data(command.callback)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        everywhere(inner.typer_instance)


def _with_data(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*values: object, data: Path | None = None, **named: object) -> object:
        if data is not None:
            os.environ["RUNYARD_DATA_DIR"] = str(data)
        return function(*values, **named)

    signature = inspect.signature(function, eval_str=True)
    option = inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Data)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return run


for _name, _verbs in verbs(open_identity).items():
    app.add_typer(_verbs, name=_name)
app.add_typer(models, name="models")
app.add_typer(workspace_verbs(load), name="workspace")
app.add_typer(service_account_verbs(load), name="service-account")
app.add_typer(evidence_verbs(load), name="evidence")
app.add_typer(machine_verbs(load), name="machine")
everywhere(app)


def main() -> None:
    """Entry point."""
    app()
