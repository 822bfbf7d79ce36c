"""Programs made with typer: how one begins and is run, and how many of its commands take the same options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from .program import run_program

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell on stderr what the client does.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]


def new_program(name: str, about: str, *, epilog: str) -> typer.Typer:
    """A program without commands yet. Its callback takes `Verbose` and `Version`, and calls `begin`."""
    return typer.Typer(
        name=name,
        help=about,
        epilog=epilog,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def begin(name: str, package: str, version: str, *, verbose: bool, only_version: bool) -> None:
    """What a program does before its command: print its version and exit, or decide what of the log is shown.

    Args:
        name: what the program is called.
        package: whose log it is. Failures are told anyway, so nothing of it is shown unless `verbose`.
        version: the package's.
    """
    if only_version:
        typer.echo(f"{name} {version}")
        raise typer.Exit
    import logging

    logger = logging.getLogger(package)
    logger.propagate = False
    if verbose:
        shown = logging.StreamHandler()
        shown.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logger.addHandler(shown)
        logger.setLevel(logging.DEBUG)
    else:
        logger.addHandler(logging.NullHandler())


def run_typer(app: typer.Typer, name: str, argv: Sequence[str] | None, tell: Callable[[Exception], int | None]) -> int:
    """Run the program's command and return its exit code.

    Args:
        app: the program.
        name: what it is called in its help.
        argv: its arguments; those of the process if None.
        tell: see `run_program`.
    """

    def command() -> None:
        app(args=None if argv is None else list(argv), prog_name=name)

    return run_program(command, tell)


def with_options(
    function: Callable[..., None], name: str, options: Mapping[str, object], make: Callable[..., object]
) -> Callable[..., None]:
    """Give a command options that others have, too.

    Args:
        function: the command.
        name: its parameter that stands for the options.
        options: the names and annotations of the options; each is None if it isn't given.
        make: makes of their values, by their names, what the command gets.
    """

    @functools.wraps(function)
    def run(**values: object) -> None:
        known = {option: values.pop(option) for option in options}
        function(**values, **{name: make(**known)})

    added = [parameter(option, annotation, None) for option, annotation in options.items()]
    set_parameters(run, [*parameters_of(function, without=name), *added])
    return run


def parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    """A parameter for `set_parameters`."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def parameters_of(function: Callable[..., object], *, without: str = "") -> list[inspect.Parameter]:
    """The parameters of a command as typer is to see them."""
    own = inspect.signature(function, eval_str=True).parameters.values()
    return [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in own
        if one.name != without and one.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def set_parameters(run: Callable[..., None], parameters: list[inspect.Parameter]) -> None:
    """Tell typer the parameters of a command that wraps another."""
    setattr(run, "__signature__", inspect.Signature(parameters))  # noqa: B010 - a function's type doesn't name it
