"""The `completion` command of a program made with typer: its commands as the tree that scripts are made from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Literal, cast, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from .completion import Option, Words, script
from .terminal import say

Shell = Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell.", show_default=False)]


def add_completion(app: typer.Typer, name: str, *, panel: str | None = None) -> None:
    """Give a program the command that prints its completion scripts.

    Args:
        app: the program.
        name: what it is called on a command line.
        panel: where its help shows the command.
    """

    def completion(shell: Shell) -> None:
        say(script(shell, name, tuple(commands(app))))

    about = f"Print a completion script; load it with: source <({name} completion bash)."
    app.command(help=about, rich_help_panel=panel)(completion)


def commands(app: typer.Typer) -> Iterator[Words]:
    """Every command of a program, the root first."""
    yield from _walk(get_command(app), ())


def _walk(command: object, path: tuple[str, ...]) -> Iterator[Words]:
    if not isinstance(command, (TyperCommand, TyperGroup)):
        return
    words: list[tuple[str, str]] = []
    options: list[Option] = []
    files = False
    below = list(command.commands.items()) if isinstance(command, TyperGroup) else []
    words += [(name, child.get_short_help_str(80)) for name, child in below if not child.hidden]
    choices = _choices(command)
    for parameter in command.params:
        known = choices.get(parameter.name or "", ())
        if isinstance(parameter, TyperOption) and not parameter.hidden:
            values = None if parameter.is_flag else known
            options.append(Option((*parameter.opts, *parameter.secondary_opts), values, _first_line(parameter.help)))
        elif isinstance(parameter, TyperArgument):
            words += [(word, _first_line(parameter.help)) for word in known]
            files = files or not known
    options.append(Option(("--help",), None, "Show this message and exit."))
    yield Words(path, tuple(words), tuple(options), files)
    for name, child in below:
        yield from _walk(child, (*path, name))


def _choices(command: TyperCommand | TyperGroup) -> dict[str, tuple[str, ...]]:
    """The words that each parameter of a command may be, as its function's annotations say."""
    if command.callback is None:
        return {}
    parameters = inspect.signature(command.callback, eval_str=True).parameters
    return {name: _literals(cast("object", parameter.annotation)) for name, parameter in parameters.items()}


def _literals(annotation: object) -> tuple[str, ...]:
    """The words of a ``Literal`` or an enumeration, also inside ``... | None`` and ``list[...]``."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    parts = cast("tuple[object, ...]", get_args(annotation))
    if get_origin(annotation) is Literal:
        return tuple(map(str, parts))
    return tuple(word for part in parts for word in _literals(part))


def _first_line(text: str | None) -> str:
    return (text or "").split("\n", 1)[0]
