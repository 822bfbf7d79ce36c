"""`ci completion`: the tree of arguments as a completion script."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ci_client._wire.completion import Option, Words, script
from ci_client._wire.terminal import say
from ci_client.cli import build_parser


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    say(script(arguments.shell, "ci", tuple(walk(build_parser(), ()))))
    return 0


def walk(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[Words]:
    """Every command of the tree, the root first."""
    words: list[tuple[str, str]] = []
    options = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to read its own tree
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            words += [(choice.dest, choice.help or "") for choice in action._choices_actions]  # noqa: SLF001
            below += action.choices.items()
        elif action.option_strings:
            values = None if action.nargs == 0 else tuple(map(str, action.choices or ()))
            options.append(Option(tuple(action.option_strings), values, action.help or ""))
        elif action.choices:
            words += [(str(choice), action.help or "") for choice in action.choices]
    files = any(action.nargs == "*" for action in parser._actions)  # noqa: SLF001
    yield Words(path, tuple(words), tuple(options), files)
    for name, child in below:
        yield from walk(child, (*path, name))
