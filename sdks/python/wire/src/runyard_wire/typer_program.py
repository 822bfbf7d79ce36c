"""Programs made with typer: how one is run, and how many of its commands take the same options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence

import typer

from .program import run_program


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
