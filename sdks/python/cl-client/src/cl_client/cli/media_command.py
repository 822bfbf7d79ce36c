"""What the commands of all plugins have in common: inputs, waiting, results. Each adds only what is its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from cl_client._wire.typer_program import parameter, parameters_of, set_parameters

from .options import JsonOption, Server, with_server
from .order import Order, Wishes

_Timeout = Annotated[
    float,
    typer.Option("--timeout", "-t", min=0, metavar="SECONDS", help="Longest wait for each job; 0 waits for ever."),
]
_Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="Where results go: a file, or a folder for several.", show_default=False
    ),
]
_Priority = Annotated[int, typer.Option(min=0, max=10, help="10 is served first.")]
_Concurrency = Annotated[int, typer.Option("--concurrency", "-j", min=1, max=64, help="Most jobs under way at once.")]
_Detach = Annotated[bool, typer.Option("--detach", "-d", help="Print the ids of the jobs and leave.")]


def media_command(
    plugin: str, *, takes: frozenset[str], metavar: str, timeout: float, short_watch: bool = True
) -> Callable[[Callable[..., Wishes]], Callable[..., None]]:
    """Make a command of a function that says what it wants of its jobs.

    Args:
        plugin: the task type.
        takes: endings of the files that are taken from a folder; all files if there are none.
        metavar: what an input is called in the help.
        timeout: seconds to wait for a job unless told otherwise.
        short_watch: whether ``-w`` means ``--watch``.
    """

    def make(function: Callable[..., Wishes]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(
            *,
            inputs: list[str],
            watch: bool,
            timeout: float,
            output: str | None,
            as_json: bool,
            priority: int,
            concurrency: int,
            detach: bool,
            server: Server,
            **chosen: object,
        ) -> None:
            from .batch import carry_out

            wishes = function(**chosen)
            order = Order(
                plugin=wishes.plugin or plugin, inputs=inputs, suffixes=takes, wishes=wishes, watch=watch,
                timeout=timeout, output=output, as_json=as_json, priority=priority, concurrency=concurrency,
                detach=detach,
            )  # fmt: skip
            raise typer.Exit(carry_out(order, server))

        set_parameters(run, _parameters(function, metavar, timeout, short_watch=short_watch))
        return with_server(run)

    return make


def _parameters(
    function: Callable[..., Wishes], metavar: str, timeout: float, *, short_watch: bool
) -> list[inspect.Parameter]:
    inputs = Annotated[
        list[str],
        typer.Argument(metavar=metavar, help="Files, folders, or patterns in quotes.", show_default=False),
    ]
    spellings = ("--watch", "-w") if short_watch else ("--watch",)
    watch = Annotated[bool, typer.Option(*spellings, help="Show progress as it happens.")]
    return [
        *parameters_of(function),
        parameter("inputs", inputs, inspect.Parameter.empty),
        parameter("watch", watch, False),
        parameter("timeout", _Timeout, timeout),
        parameter("output", _Output, None),
        parameter("as_json", JsonOption, False),
        parameter("priority", _Priority, 5),
        parameter("concurrency", _Concurrency, 8),
        parameter("detach", _Detach, False),
        parameter("server", Server, None),
    ]
